"""What the figures share: whose runs count, in which units metrics are drawn, and what is said of what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.charts.chart import Axis, Band, Key, Line, Scale
from analysis.charts.style import arm_dash
from analysis.data.tables import SweepTables
from analysis.verdict.formatting import is_fraction
from optimizers import InputError
from search_spaces import Sweep, arm_colour
from search_spaces.schema.words import listing
from trainables.mlflow_contract import STEPS, STEPS_TO_TARGET, TRAIN_SECONDS

_UNITS = {"seconds": "seconds since the run's start", "step": "optimizer steps", "epoch": "epochs"}
_SPECIAL = {
    TRAIN_SECONDS: "seconds of training",
    STEPS_TO_TARGET: "optimizer steps to the target",
    STEPS: "optimizer steps",
}


def one_workload(tables: SweepTables) -> SweepTables:
    """The tables themselves. Raises InputError when they are of several workloads, which no figure mixes."""
    if len(tables.workloads) > 1:
        names = listing(tables.workloads)
        raise InputError(f"A figure is of one workload: take tables.on(name), with a name of {names}.")
    return tables


def time_label(by: str) -> str:
    """The label of an axis over ``step``, ``epoch`` or ``seconds``. Raises InputError for another."""
    if by not in _UNITS:
        raise InputError(f'A curve is drawn over {listing(_UNITS)}, not over "{by}".')
    return _UNITS[by]


def metric_label(metric: str) -> str:
    """The metric with its unit: "val/accuracy (%)"; a loss has none."""
    if is_fraction(metric):
        return f"{metric} (%)"
    return _SPECIAL.get(metric, metric)


def metric_values(metric: str, values: ArrayLike) -> np.ndarray:
    """Values as they are drawn: accuracies in percent."""
    return np.asarray(values, dtype=float) * (100 if is_fraction(metric) else 1)


def scale_for(values: ArrayLike) -> Scale:
    """Logarithmic where positive values span more than a decade."""
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    return "log" if len(numbers) and numbers.min() > 0 and numbers.max() > 10 * numbers.min() else "linear"


def metric_axis(metric: str, values: ArrayLike) -> Axis:
    """An axis for those values of the metric, as `metric_values` gives them."""
    return Axis(metric_label(metric), "linear" if is_fraction(metric) else scale_for(values))


def arm_line(sweep: Sweep, arm: str, x: ArrayLike, y: ArrayLike, label: str = "") -> Line:
    """A line in the arm's colour, with its name at the end."""
    numbers = [np.asarray(column, dtype=float) for column in (x, y)]
    return Line(numbers[0], numbers[1], arm_colour(sweep, arm), label or arm, arm_dash(sweep, arm))


def joined(lines: Iterable[Line]) -> list[Line]:
    """Lines of the same looks as one line with gaps, in the order of the first of each: a few are drawn fast.

    Each point tells what its line tells.
    """
    alike: dict[Line, list[Line]] = {}
    for line in lines:
        alike.setdefault(replace(line, x=(), y=(), hover=""), []).append(line)
    return [_one_line(looks, of_looks) for looks, of_looks in alike.items()]


def _one_line(looks: Line, lines: Iterable[Line]) -> Line:
    x, y, told = [], [], []
    for line in lines:
        x += [*line.x, np.nan]
        y += [*line.y, np.nan]
        told += [line.hover] * (len(line.x) + 1)
    return replace(looks, x=np.array(x), y=np.array(y), hover=told)


def arm_band(sweep: Sweep, arm: str, x: ArrayLike, low: ArrayLike, high: ArrayLike) -> Band:
    """A band in the arm's colour, the fainter the more arms there are, since their bands lie over one another."""
    numbers = [np.asarray(column, dtype=float) for column in (x, low, high)]
    return Band(numbers[0], numbers[1], numbers[2], arm_colour(sweep, arm), opacity=min(0.18, 0.6 / len(sweep.arms)))


def share_line(sweep: Sweep, arm: str, x: ArrayLike, shares: ArrayLike) -> Line:
    """A step function in percent, shifted by a little of its own, so that arms with equal shares can be told apart."""
    place = list(sweep.arms).index(arm) - (len(sweep.arms) - 1) / 2
    shifted = 100 * np.asarray(shares, dtype=float) + min(0.8, 4 / len(sweep.arms)) * place
    return replace(arm_line(sweep, arm, x, shifted), stepped=True)


def arm_keys(sweep: Sweep, arms: Iterable[str]) -> tuple[Key, ...]:
    """The key of colours for arms, in the sweep's order."""
    wanted = set(arms)
    return tuple(Key(arm, arm_colour(sweep, arm)) for arm in sweep.arms if arm in wanted)


def best_confirmations(tables: SweepTables) -> pd.DataFrame:
    """The confirmation runs of each arm's best configuration, which is that of each study where there are several."""
    value = tables.trials.set_index("trial_id")["value"]
    runs = tables.confirmations.assign(_value=tables.confirmations["confirm_of"].map(value))
    descending = tables.sweep.metric.goal == "maximize"
    ranked = runs.sort_values("_value", ascending=not descending, kind="stable", na_position="last")
    best = ranked.groupby(["arm", "study"])["confirm_of"].transform("first")
    return ranked[ranked["confirm_of"] == best].drop(columns="_value").sort_index()


def not_shown(why_by_arm: Mapping[str, str]) -> str:
    """ " Not shown: lost (no run finished), memory (...)."; empty when all are."""
    if not why_by_arm:
        return ""
    return f" Not shown: {listing(f'{arm} ({why})' for arm, why in why_by_arm.items())}."
