"""Whole configurations: each trial a line through its hyperparameters to the metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.charts.chart import Axis, Chart, ColourBar, Line, Panel, Rule, Text
from analysis.charts.style import INK, MUTED, SOFT, shade
from analysis.charts.ticks import Range, texts, ticks, transformed
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import joined, metric_label, metric_values, not_shown, one_workload, scale_for
from analysis.figures.parameters import ParameterScale, configurations, scale_of, searched
from optimizers import InputError
from search_spaces import Sweep
from search_spaces.schema.words import plural
from trainables.mlflow_contract import Status

# Under the ranges, where a line goes through a parameter that the trial does not have.
_INACTIVE = -0.16


def parallel_coordinates(tables: SweepTables) -> Chart:
    """A panel an arm: an upright axis for each hyperparameter and one for the metric, a line for each trial.

    Lines have the metric's colour, dark where it is low, and thinner where the trial was stopped early. Each axis
    covers the values that occurred, and is logarithmic where the distribution is. Raises InputError where no trial has
    a value, or nothing was searched.
    """
    tables = one_workload(tables)
    sweep = tables.sweep
    trials = configurations(tables)
    valued = trials.dropna(subset=["value"])
    if not len(valued):
        raise InputError("No parallel coordinates: no trial has a value yet.")
    known = searched(sweep)
    values = metric_values(sweep.metric.name, valued["value"])
    bar = ColourBar(metric_label(sweep.metric.name), float(values.min()), float(values.max()), scale_for(values))
    panels, missing = [], {}
    for arm in sweep.arms:
        own = valued[valued["arm"] == arm]
        scales = [scale_of(name, [by_arm[arm]]) for name, by_arm in known.items() if arm in by_arm]
        active = [scale for scale in scales if own[scale.name].notna().any()]
        if active:
            panels.append(_panel(arm, own, active, bar, sweep))
        else:
            missing[arm] = "no trial has a value" if scales else "it searches nothing"
    if not panels:
        raise InputError(f"No parallel coordinates.{not_shown(missing)}")
    widest = max(len(panel.x.ticks or ()) for panel in panels)
    return Chart(
        title=f"{sweep.name}: configurations and their {sweep.metric.name}",
        panels=panels,
        caption="Each line is a trial; thin ones were stopped early. Below the axes run those that do not have the "
        "hyperparameter." + not_shown(missing),
        size=(max(420, 118 * widest), 210),
    )


def _panel(arm: str, trials: pd.DataFrame, scales: list[ParameterScale], bar: ColourBar, sweep: Sweep) -> Panel:
    values = metric_values(sweep.metric.name, trials["value"])
    uprights = [_upright(scale, scale.places(trials[scale.name])) for scale in scales]
    uprights.append(_upright(ParameterScale(bar.label, bar.scale), values, (bar.low, bar.high)))
    worst_first = np.argsort(-values if sweep.metric.goal == "minimize" else values, kind="stable")
    heights = np.array([upright.heights for upright in uprights])
    runs = trials.to_dict("records")
    lines = [_line(runs[place], heights[:, place], shade(float(values[place]), bar)) for place in worst_first]
    rules = [Rule("x", place, SOFT) for place in range(len(uprights))]
    if (heights == _INACTIVE).any():
        rules.append(Rule("y", _INACTIVE / 2, MUTED, dash="dotted"))
    words = [
        Text(place + 0.03, height, text, INK)
        for place, upright in enumerate(uprights)
        for height, text in upright.marks.items()
    ]
    x = Axis(
        "",
        ticks={float(place): upright.label for place, upright in enumerate(uprights)},
        range=(-0.1, len(scales) + 0.4),
    )
    return Panel(
        x,
        Axis("", ticks={}, range=(-0.24, 1.08)),
        [*rules, *joined(lines), *words],
        f"{arm}, {plural(len(trials), 'trial')}",
        bar,
    )


def _line(run: Mapping[Any, Any], heights: np.ndarray, colour: str) -> Line:
    told = f"{run['trial_id']}: {run['outcome']}, {run['value']:.4g}"
    return Line(range(len(heights)), heights, colour, width=0.7 if run["outcome"] == Status.PRUNED else 1.7, hover=told)


@dataclass(frozen=True)
class _Upright:
    """One axis: the heights of the trials, from 0 to 1, and what is written beside it, by height."""

    label: str
    heights: np.ndarray
    marks: Mapping[float, str]


def _upright(scale: ParameterScale, places: np.ndarray, limits: Range | None = None) -> _Upright:
    if scale.choices:
        low, high = 0.0, float(max(1, len(scale.choices) - 1))
        numbers = dict(enumerate(map(str, scale.choices)))
    else:
        low, high = limits or (float(np.nanmin(places)), float(np.nanmax(places)))
        numbers = ticks((low, high), scale.scale, 4) if high > low else {low: texts([low], scale.scale)[0]}
    start, end = transformed([low, high], scale.scale)

    def heights(values: ArrayLike) -> np.ndarray:
        along = transformed(values, scale.scale)
        return (along - start) / (end - start) if end > start else along - start + 0.5

    own = heights(places)
    marks = dict(zip(heights(list(numbers)).tolist(), numbers.values(), strict=True))
    return _Upright(scale.axis.label, np.where(np.isfinite(own), own, _INACTIVE), marks)
