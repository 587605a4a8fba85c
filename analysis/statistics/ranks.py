"""Ranks of arms over several workloads, and which of them are shown to differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizers import InputError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

FEWEST_WORKLOADS = 8


@dataclass(frozen=True)
class CriticalDifference:
    """Mean ranks over `workloads`, and what they show at `level` (for example 0.95).

    `mean_ranks` is sorted, the best arm first. `p_value` is that of Friedman's test that all arms are alike.
    `difference` is by how much two mean ranks must differ. `groups` are the arms not shown to differ, each group as
    large as can be, the best first; an arm in no group differs from all others.
    """

    mean_ranks: Mapping[str, float]
    workloads: int
    level: float
    p_value: float
    difference: float
    groups: tuple[tuple[str, ...], ...]


def ranks(scores: DataFrame, minimize: bool | Sequence[bool]) -> DataFrame:
    """The place of each arm (column) on each workload (row): 1 is the best, and arms that tie share theirs.

    `minimize` holds for all workloads or tells it of each. An arm without a score (NaN) has no place, and the others
    are ranked as if it were not there.
    """
    signs = np.where(np.broadcast_to(minimize, len(scores)), 1.0, -1.0)
    return scores.mul(signs, axis=0).rank(axis=1)


def critical_difference(
    mean_ranks: Mapping[str, float] | Series, workloads: int, level: float = 0.95
) -> CriticalDifference:
    """Which arms differ in their mean ranks over so many `workloads`: Friedman's test, then Nemenyi's for every pair.

    `mean_ranks` is a mapping from arm to mean rank, or a pandas Series, such as `ranks(scores, minimize).mean()`.

    Two arms differ where their mean ranks lie at least q sqrt(k (k + 1) / (6 N)) apart, for k arms, N workloads and
    q the quantile of the studentized range over sqrt(2); so all pairs hold together at `level`. Where Friedman's
    test does not show at this level that arms differ at all, no pair is looked at and all are one group. Its
    statistic is computed from the mean ranks, without the correction for ties, which makes it cautious where there
    are any.

    Raises InputError below 8 workloads, where the distributions of both tests are too rough, for fewer than two arms,
    for an arm without a mean rank (NaN), and for a level outside (0, 1).

    Source: J. Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7 (2006).
    """
    from scipy.stats import chi2, studentized_range

    _refuse(mean_ranks, workloads, level)
    ordered = dict(sorted(((str(arm), float(place)) for arm, place in mean_ranks.items()), key=lambda item: item[1]))
    places, k = np.array(list(ordered.values())), len(ordered)
    statistic = 12 * workloads / (k * (k + 1)) * ((places - (k + 1) / 2) ** 2).sum()
    p_value = float(chi2.sf(statistic, k - 1))
    quantile = float(studentized_range.ppf(level, k, math.inf)) / math.sqrt(2)
    difference = quantile * math.sqrt(k * (k + 1) / (6 * workloads))
    alike = math.inf if p_value > 1 - level else difference
    return CriticalDifference(ordered, workloads, level, p_value, difference, _groups(ordered, alike))


def _groups(ordered: Mapping[str, float], alike: float) -> tuple[tuple[str, ...], ...]:
    """The longest rows of two or more neighbours whose ends lie less than `alike` apart."""
    names, found, covered = list(ordered), [], 0
    for start, first in enumerate(names):
        end = sum(place - ordered[first] < alike for place in ordered.values())
        if end > covered and end - start > 1:
            found.append(tuple(names[start:end]))
            covered = end
    return tuple(found)


def _refuse(mean_ranks: Mapping[str, float] | Series, workloads: int, level: float) -> None:
    if workloads < FEWEST_WORKLOADS:
        raise InputError(f"A critical difference needs at least {FEWEST_WORKLOADS} workloads, not {workloads}.")
    if len(mean_ranks) < 2:
        raise InputError("A critical difference needs at least two arms.")
    if not 0 < level < 1:
        raise InputError(f"The level of a critical difference must lie between 0 and 1, not be {level}.")
    for arm, place in mean_ranks.items():
        if math.isnan(place):
            raise InputError(f"{arm} has no mean rank: it lacks a score on some workload.")
