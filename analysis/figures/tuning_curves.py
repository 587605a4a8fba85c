"""What a search with fewer trials would have found."""

from __future__ import annotations

import numpy as np

from analysis.charts.chart import Axis, Chart, Layer, Panel
from analysis.charts.ticks import covering
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import arm_band, arm_line, metric_axis, metric_values, not_shown, one_workload
from analysis.statistics.order_statistics import tuning_curve
from optimizers import InputError
from search_spaces import Sweep
from trainables.mlflow_contract import Status

_LEVEL = 0.95


def tuning_curves(tables: SweepTables) -> Chart:
    """Each arm's best value after 1, 2, ... trials: the median over draws from its trials, in a 95 % band.

    The numbers are those of `order_statistics.tuning_curve`. A trial that did not finish is never the best.
    The band ends at the panel's edge where so many trials cannot bound it. Raises InputError where no
    trial has finished.
    """
    tables = one_workload(tables)
    sweep, metric = tables.sweep, tables.sweep.metric.name
    finished = tables.trials.assign(value=tables.trials["value"].where(tables.trials["outcome"] == Status.FINISHED))
    arms = [arm for arm in sweep.arms if finished.loc[finished["arm"] == arm, "value"].notna().any()]
    if not arms:
        raise InputError("No tuning curves: no trial has finished.")
    minimize = sweep.metric.goal == "minimize"
    curves = {arm: tuning_curve(list(finished.loc[finished["arm"] == arm, "value"]), minimize, _LEVEL) for arm in arms}
    # Units are applied to the curve, whose best is the same in each.
    numbers = {
        arm: [metric_values(metric, bound) for bound in (curve.median, curve.low, curve.high)]
        for arm, curve in curves.items()
    }
    known = np.concatenate([np.concatenate(bounds) for bounds in numbers.values()])
    y = metric_axis(metric, known)
    limits = covering(known, y.scale)
    bands: list[Layer] = []
    lines: list[Layer] = []
    for arm, (median, low, high) in numbers.items():
        trials = curves[arm].trials
        bands.append(arm_band(sweep, arm, trials, np.clip(low, *limits), np.clip(high, *limits)))
        lines.append(arm_line(sweep, arm, trials, median))
    return Chart(
        title=f"{sweep.name}: what a smaller search would have found",
        panels=[Panel(Axis("trials"), Axis(f"best {y.label}", y.scale, range=limits), [*bands, *lines])],
        caption="Median of the best of so many trials drawn from those of the arm; the band is a 95 % interval, open "
        "where it reaches the edge. A trial that was stopped or diverged is never the best. "
        f"{_independence(sweep)}" + not_shown({arm: "no finished trial" for arm in sweep.arms if arm not in arms}),
        size=(520, 320),
    )


def _independence(sweep: Sweep) -> str:
    if sweep.search.method == "random":
        return "Trials are independent draws from the arm's space, but for the first, its optimizer's default."
    return f"Taken as independent draws, which those of {sweep.search.method} are not: the band is rough."
