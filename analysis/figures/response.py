"""The metric against each hyperparameter, over all trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.charts.chart import Axis, Chart, Key, Layer, Panel, Points, Symbol
from analysis.charts.style import SOFT
from analysis.charts.ticks import covering, transformed
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import arm_keys, metric_axis, metric_values, one_workload
from analysis.figures.parameters import ParameterScale, configurations, scale_of, searched
from optimizers import InputError
from search_spaces import Sweep, arm_colour
from search_spaces.schema.words import plural
from trainables.mlflow_contract import Status

_FEWEST = 4
_SPREAD = 0.7  # of the distance between two choices, over which the arms stand side by side


def response(tables: SweepTables, parameters: Sequence[str] = ()) -> Chart:
    """A panel for each of the ``parameters``, with the trials of all arms.

    Left out, they are all that were searched and that at least 4 trials have. Axes are logarithmic where the
    distributions are; ``one_minus_log_uniform`` is drawn as 1 - x. A trial that was stopped is a ring, at the value
    that it had by then; one that diverged has none, and is a cross at the worst end. Raises InputError for a parameter
    that no arm searches, and where no trial has a value or none of them is set.
    """
    tables = one_workload(tables)
    known = searched(tables.sweep)
    for name in parameters:
        if name not in known:
            raise InputError(f'No arm searches "{name}"; searched are {", ".join(known)}.')
    trials = configurations(tables)
    if not trials["value"].notna().any():
        raise InputError("No response of the metric: no trial has a value of it yet.")
    fewest = 1 if parameters else _FEWEST
    wanted = [name for name in parameters or known if trials[name].notna().sum() >= fewest]
    if not wanted:
        raise InputError(f"No response of the metric: no searched hyperparameter is set in {plural(fewest, 'trial')}.")
    rare = [name for name in parameters or known if name not in wanted]
    y = metric_axis(tables.sweep.metric.name, values := metric_values(tables.sweep.metric.name, trials["value"]))
    y = replace(y, range=covering(values, y.scale))
    panels = [_panel(tables.sweep, trials, scale_of(name, known[name].values()), y) for name in wanted]
    marks = [Key("stopped early", SOFT, "ring"), Key(Status.DIVERGED, SOFT, "cross")]
    seen = [
        mark
        for mark, outcome in zip(marks, (Status.PRUNED, Status.DIVERGED), strict=True)
        if outcome in set(trials["outcome"])
    ]
    return Chart(
        title=f"{tables.sweep.name}: {tables.sweep.metric.name} against each hyperparameter",
        panels=panels,
        columns=3,
        caption=_caption(tables, trials, rare, fewest),
        key=(*arm_keys(tables.sweep, trials["arm"]), *seen),
        size=(270, 215),
    )


def _panel(sweep: Sweep, trials: pd.DataFrame, scale: ParameterScale, y: Axis) -> Panel:
    own = trials[trials[scale.name].notna()]
    values = metric_values(sweep.metric.name, own["value"])
    worst = _worst(y, sweep)
    arms = [arm for arm in sweep.arms if arm in set(own["arm"])]
    layers: list[Layer] = []
    for place, arm in enumerate(arms):
        mine = np.asarray(own["arm"] == arm)
        x = scale.places(own[scale.name][mine])
        if scale.choices:
            x = x + _SPREAD * ((place + 0.5) / len(arms) - 0.5)
        layers += _points(own[mine], x, values[mine], worst, arm_colour(sweep, arm), scale.name)
    return Panel(scale.axis, y, layers)


def _worst(y: Axis, sweep: Sweep) -> float:
    """A little inside the end of the axis at which the worst values lie."""
    low, high = transformed(y.range or (0, 1), y.scale)
    place = low + 0.03 * (high - low) if sweep.metric.goal == "maximize" else high - 0.03 * (high - low)
    return float(10**place if y.scale == "log" else place)


def _points(own: pd.DataFrame, x: np.ndarray, y: np.ndarray, worst: float, colour: str, name: str) -> list[Layer]:
    arm = str(own["arm"].iloc[0])
    outcome = own["outcome"].to_numpy()
    texts = [
        f"{row['trial_id']}: {row['outcome']}\n{name} = {row[name]}\n{row['value']:.4g}"
        for row in own.to_dict("records")
    ]
    layers: list[Layer] = []
    height = np.where(outcome == Status.DIVERGED, worst, y)
    by_symbol: dict[Symbol, np.ndarray] = {
        "ring": outcome == Status.PRUNED,
        "cross": outcome == Status.DIVERGED,
        "circle": ~np.isin(outcome, [Status.PRUNED, Status.DIVERGED]),
    }
    for symbol, chosen in by_symbol.items():
        kept = np.flatnonzero(chosen & np.isfinite(height) & np.isfinite(x))
        if len(kept):
            hover = [texts[index] for index in kept]
            layers.append(Points(x[kept], height[kept], colour, symbol, 6, label=arm, hover=hover))
    return layers


def _caption(tables: SweepTables, trials: pd.DataFrame, rare: Sequence[str], fewest: int) -> str:
    lost = int((trials["value"].isna() & (trials["outcome"] != Status.DIVERGED)).sum())
    parts = [f"Each mark is a trial, at its last {tables.sweep.metric.name}."]
    if Status.PRUNED in set(trials["outcome"]):
        parts.append("Rings were stopped early, and had trained less.")
    if Status.DIVERGED in set(trials["outcome"]):
        parts.append("Crosses at the worst end diverged and have no value.")
    if lost:
        parts.append(f"{lost} without a value are not shown.")
    if rare:
        parts.append(f"In fewer than {plural(fewest, 'trial')}, and not shown: {', '.join(rare)}.")
    return " ".join(parts)
