"""What the scheduler stopped: each trial's curve up to its end, and the rungs at which trials were judged."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.charts.chart import Axis, Chart, Key, Layer, Line, Panel, Points, Rule, Symbol
from analysis.charts.style import INK, MUTED, SOFT
from analysis.charts.ticks import covering
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import joined, metric_axis, metric_label, metric_values, not_shown, one_workload
from analysis.verdict.formatting import outcome_counts
from optimizers import InputError
from search_spaces import Sweep, arm_colour
from search_spaces.schema.words import plural
from trainables.mlflow_contract import Role, Status

_OUTLIERS = 0.02  # of all values, at each end, that may lie beyond the axis


def rungs(tables: SweepTables) -> Chart:
    """A panel an arm: the curve of the metric of every trial, grey where it was stopped, coloured where it went on.

    Vertical lines are the rungs of ASHA and Hyperband; over each stands how many trials came to it and how many went
    on. Other schedulers have none. Raises InputError where no trial has a curve of the metric.
    """
    tables = one_workload(tables)
    sweep = tables.sweep
    curves = tables.curves[tables.curves["role"] == Role.TRIAL]
    if sweep.metric.name not in curves or not curves[sweep.metric.name].notna().any():
        raise InputError(f"No picture of the rungs: no trial has a curve of {sweep.metric.name}.")
    curves = curves.dropna(subset=[sweep.metric.name]).merge(tables.trials[["run_id", "outcome"]], on="run_id")
    curves = curves.assign(_value=metric_values(sweep.metric.name, curves[sweep.metric.name]))
    places = _rungs(sweep, int(curves["epoch"].max()))
    usual = curves["_value"].quantile([_OUTLIERS / 2, 1 - _OUTLIERS / 2]) if len(curves) > 200 else curves["_value"]
    y = metric_axis(sweep.metric.name, usual)
    y = Axis(metric_label(sweep.metric.name), y.scale, range=covering(usual.to_numpy(), y.scale))
    arms = [arm for arm in sweep.arms if arm in set(curves["arm"])]
    panels = [_panel(tables, curves[curves["arm"] == arm], arm, places, y) for arm in arms]
    return Chart(
        title=f"{sweep.name}: which trials the scheduler ({sweep.scheduler.type}) let go on",
        panels=panels,
        columns=2,
        caption=_caption(places, int((~curves["_value"].between(*(y.range or (0, 0)))).sum()))
        + not_shown({arm: "no trial has a curve" for arm in sweep.arms if arm not in arms}),
        key=[Key("stopped", MUTED, "line"), Key("diverged or failed", INK, "cross")],
        size=(400, 230),
    )


def _rungs(sweep: Sweep, epochs: int) -> list[int]:
    """The epochs grace * eta^k before the last one."""
    if sweep.scheduler.type not in ("asha", "hyperband"):
        return []
    places, last = [sweep.scheduler.grace], sweep.workload.evaluations or epochs
    while places[-1] * sweep.scheduler.eta < last:
        places.append(places[-1] * sweep.scheduler.eta)
    return [place for place in places if place < last]


def _panel(tables: SweepTables, curves: pd.DataFrame, arm: str, places: list[int], y: Axis) -> Panel:
    colour = arm_colour(tables.sweep, arm)
    lines: dict[bool, list[Line]] = {True: [], False: []}
    for trial, run in curves.groupby("trial_id", sort=False):
        outcome = str(run["outcome"].iloc[0])
        stopped = outcome == Status.PRUNED
        style: dict[str, Any] = {"colour": MUTED, "width": 1.0} if stopped else {"colour": colour, "width": 1.3}
        x, values = run["epoch"].to_numpy(dtype=float), run["_value"].to_numpy()
        lines[stopped].append(Line(x, values, **style, hover=f"{trial}: {outcome}"))
    layers: list[Layer] = [*joined(lines[True]), *joined(lines[False]), *_ends(curves, colour)]
    last = curves.groupby("run_id").agg(epoch=("epoch", "max"), outcome=("outcome", "first"))
    rules = [Rule("x", place, SOFT, _passed(last, place), "dotted") for place in places]
    counts = tables.trials.loc[tables.trials["arm"] == arm, "outcome"].value_counts()
    told = outcome_counts((status, int(counts.get(status, 0))) for status in Status)
    return Panel(Axis("epochs"), y, [*rules, *layers], f"{arm}: {told}")


def _ends(curves: pd.DataFrame, colour: str) -> list[Layer]:
    """Marks where trials were stopped or failed, and for those with a single value, which no line shows."""
    by_trial = curves.groupby("trial_id", sort=False)
    ends = by_trial.last().assign(count=by_trial.size())
    failed, stopped = ends["outcome"].isin((Status.DIVERGED, Status.FAILED)), ends["outcome"] == Status.PRUNED
    looks: list[tuple[pd.Series, str, Symbol, float]] = [
        (stopped, MUTED, "square", 4),
        (~stopped & ~failed & (ends["count"] == 1), colour, "circle", 4),
        (failed, INK, "cross", 6),
    ]
    return [
        Points(own["epoch"].to_numpy(), own["_value"].to_numpy(), shown, symbol, size, hover=list(own.index))
        for chosen, shown, symbol, size in looks
        if len(own := ends[chosen])
    ]


def _passed(last: pd.DataFrame, place: int) -> str:
    came = last["epoch"] >= place
    on = came & ((last["epoch"] > place) | (last["outcome"] != Status.PRUNED))
    return f"{int(came.sum())} → {int(on.sum())}"


def _caption(places: list[int], beyond: int) -> str:
    text = "Every trial's curve, coloured where it was trained to its end, grey with a square where it was stopped."
    if places:
        text += " Dotted lines are rungs: over each, how many trials came to it → how many went on."
    if beyond:
        text += f" {plural(beyond, 'value')} beyond the axis."
    return text
