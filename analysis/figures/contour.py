"""The metric over two hyperparameters at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.charts.chart import Chart, ColourBar, Heat, Key, Layer, Panel, Points, Symbol
from analysis.charts.style import MUTED, SOFT, shade
from analysis.charts.ticks import transformed
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import metric_label, metric_values, not_shown, one_workload, scale_for
from analysis.figures.parameters import ParameterScale, configurations, scale_of, searched
from optimizers import InputError
from trainables.mlflow_contract import Status

PAIRS = (("beta2", "lr"), ("lr", "order"), ("beta3", "alpha"))
"""What the three questions turn on: memory of the denominator, order of its moment, weight of the long memory."""
FEWEST_FOR_CONTOURS = 8
_GRID = 120


def contour(tables: SweepTables, across: str, up: str) -> Chart:
    """A panel for each arm that searches both hyperparameters, its trials coloured by the metric.

    Where at least 8 trials finished, filled contours lie under them, interpolated linearly between the finished trials
    on the axes as drawn, and nowhere else than between them. Raises InputError where no arm searches both, or none
    of those has a trial with a value.
    """
    tables = one_workload(tables)
    known = searched(tables.sweep)
    arms = [arm for arm in tables.sweep.arms if arm in known.get(across, {}) and arm in known.get(up, {})]
    if not arms:
        raise InputError(f"No arm searches both {across} and {up}; searched are {', '.join(known)}.")
    trials = configurations(tables).dropna(subset=[across, up])
    valued = trials[trials["arm"].isin(arms) & trials["value"].notna()]
    if not len(valued):
        raise InputError(f"No contours of {across} and {up}: no trial in which both are active has a value yet.")
    x, y = (scale_of(name, [known[name][arm] for arm in arms]) for name in (across, up))
    metric = tables.sweep.metric.name
    values = metric_values(metric, valued["value"])
    bar = ColourBar(metric_label(metric), float(values.min()), float(values.max()), scale_for(values))
    drawn = [arm for arm in arms if arm in set(valued["arm"])]
    panels = [_panel(arm, trials[trials["arm"] == arm], x, y, bar, metric) for arm in drawn]
    outcomes = set(trials["outcome"])
    return Chart(
        title=f"{tables.sweep.name}: {metric} over {across} and {up}",
        panels=panels,
        columns=2,
        caption=f"Each mark is a trial, dark where {metric} is low. Contours, where {FEWEST_FOR_CONTOURS} or more "
        "trials finished, are interpolated between those."
        + not_shown({arm: "no trial has a value" for arm in arms if arm not in drawn}),
        key=[Key(f"{word}", SOFT, symbol) for word, symbol, outcome in _MARKS if outcome in outcomes],
        size=(320, 260),
    )


_MARKS: tuple[tuple[str, Symbol, str], ...] = (
    (Status.FINISHED, "circle", Status.FINISHED),
    ("stopped early", "ring", Status.PRUNED),
    (Status.DIVERGED, "cross", Status.DIVERGED),
)


def _panel(arm: str, trials: pd.DataFrame, x: ParameterScale, y: ParameterScale, bar: ColourBar, metric: str) -> Panel:
    across, up = x.places(trials[x.name]), y.places(trials[y.name])
    values = metric_values(metric, trials["value"])
    outcome = trials["outcome"].to_numpy()
    layers: list[Layer] = []
    whole = (outcome == Status.FINISHED) & np.isfinite(values)
    if whole.sum() >= FEWEST_FOR_CONTOURS and not x.choices and not y.choices:
        layers += _heat(across[whole], up[whole], values[whole], x, y, bar)
    by_symbol: dict[Symbol, np.ndarray] = {
        "cross": outcome == Status.DIVERGED,
        "ring": (outcome == Status.PRUNED) & np.isfinite(values),
        "circle": ~np.isin(outcome, [Status.DIVERGED, Status.PRUNED]) & np.isfinite(values),
    }
    for symbol, chosen in by_symbol.items():
        kept = np.flatnonzero(chosen)
        if len(kept):
            colours = [MUTED if symbol == "cross" else shade(values[index], bar) for index in kept]
            rows = trials.iloc[kept].to_dict("records")
            texts = [f"{row['trial_id']}: {row['outcome']}\n{bar.label} {row['value']:.4g}" for row in rows]
            layers.append(Points(across[kept], up[kept], colours, symbol, 9, hover=texts))
    return Panel(x.axis, y.axis, layers, arm, bar)


def _heat(
    across: ArrayLike, up: ArrayLike, values: ArrayLike, x: ParameterScale, y: ParameterScale, bar: ColourBar
) -> list[Layer]:
    """Contours between the points; none where these lie on a line."""
    from scipy.interpolate import griddata
    from scipy.spatial import QhullError

    places = np.column_stack([transformed(across, x.scale), transformed(up, y.scale)])
    low, high = places.min(axis=0), places.max(axis=0)
    # Both directions count alike in the triangles between the points.
    unit = (places - low) / np.where(high > low, high - low, 1)
    grid = np.linspace(0, 1, _GRID)
    try:
        heights = griddata(unit, transformed(values, bar.scale), (grid[None, :], grid[:, None]), method="linear")
    except QhullError:
        return []
    axes = [low[axis] + grid * (high[axis] - low[axis]) for axis in (0, 1)]
    drawn = [10**axis if scale.scale == "log" else axis for axis, scale in zip(axes, (x, y), strict=True)]
    return [Heat(drawn[0], drawn[1], 10**heights if bar.scale == "log" else heights)]
