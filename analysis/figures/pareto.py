"""The Pareto fronts of a sweep that weighs several metrics against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.charts.chart import Chart, Layer, Line, Panel, Points
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import arm_line, metric_axis, metric_label, metric_values, not_shown, one_workload
from analysis.statistics.pareto_front import pareto_front
from optimizers import InputError
from search_spaces import Sweep, arm_colour
from search_spaces.schema.words import listing
from trainables.mlflow_contract import Status


def pareto(tables: SweepTables) -> Chart:
    """The sweep's metric over each of its tradeoffs, a panel for each: every arm's finished trials, and its front.

    The front is over all metrics of the sweep together, so with more than one tradeoff its points need not lie on a
    line in any panel, and none is drawn. Raises InputError for a sweep without tradeoffs, and where no finished trial
    has a value of every metric.
    """
    tables = one_workload(tables)
    sweep = tables.sweep
    names = [objective.name for objective in sweep.objectives]
    if len(names) < 2:
        raise InputError(f"No Pareto front: {sweep.name} has no tradeoffs beside {sweep.metric.name}.")
    known = [name for name in names[1:] if name in tables.trials]
    objectives = tables.trials.rename(columns={names[0]: "_last"}).assign(**{names[0]: tables.trials["value"]})
    valued = objectives[
        (tables.trials["outcome"] == Status.FINISHED) & objectives[[names[0], *known]].notna().all(axis=1)
    ]
    if len(known) < len(names) - 1 or not len(valued):
        raise InputError(f"No Pareto front: no finished trial has a value of {listing(names)}.")
    on_front = _on_front(sweep, valued, names)
    panels = [_panel(sweep, valued, on_front, tradeoff, names[0], lines=len(names) == 2) for tradeoff in names[1:]]
    missing = {arm: "no finished trial" for arm in sweep.arms if arm not in set(valued["arm"])}
    best = listing(
        f"{metric_label(objective.name)} {'low' if objective.goal == 'minimize' else 'high'}"
        for objective in sweep.objectives
    )
    return Chart(
        title=f"{sweep.name}: what each arm trades for {names[0]}",
        panels=panels,
        columns=2,
        caption=f"Finished trials; filled ones are on their arm's Pareto front: no other trial of the arm is better "
        f"in everything. Best is {best}.{not_shown(missing)}",
        size=(440, 300),
    )


def _on_front(sweep: Sweep, trials: pd.DataFrame, names: list[str]) -> pd.Series:
    minimize = [objective.goal == "minimize" for objective in sweep.objectives]
    found = pd.Series(False, index=trials.index)
    for _, own in trials.groupby("arm"):
        found.loc[own.index[pareto_front(own[names].to_numpy(dtype=float), minimize)]] = True
    return found


def _panel(sweep: Sweep, trials: pd.DataFrame, on_front: pd.Series, across: str, up: str, *, lines: bool) -> Panel:
    x, y = (metric_values(name, trials[name]) for name in (across, up))
    inner: list[Layer] = []
    fronts: list[Layer] = []
    for arm in sweep.arms:
        own, front = np.asarray(trials["arm"] == arm), np.asarray(on_front)
        texts = np.array(
            [f"{row['trial_id']}\n{up} {row[up]:.4g}\n{across} {row[across]:.4g}" for row in trials.to_dict("records")]
        )
        for layers, chosen, filled in ((inner, own & ~front, False), (fronts, own & front, True)):
            if chosen.any():
                style: dict[str, Any] = {
                    "symbol": "circle" if filled else "ring",
                    "label": arm,
                    "hover": texts[chosen].tolist(),
                }
                layers.append(Points(x[chosen], y[chosen], arm_colour(sweep, arm), **style))
        if lines and (own & front).any():
            fronts.append(_line(sweep, arm, x[own & front], y[own & front]))
    return Panel(metric_axis(across, x), metric_axis(up, y), [*inner, *fronts])


def _line(sweep: Sweep, arm: str, x: np.ndarray, y: np.ndarray) -> Line:
    """The edge of what the arm reaches: from each point on, the best until the next."""
    falling = sweep.tradeoffs[0].goal == "maximize"
    order = np.argsort(-x if falling else x, kind="stable")
    return replace(arm_line(sweep, arm, x[order], y[order]), stepped=True, width=1.2)
