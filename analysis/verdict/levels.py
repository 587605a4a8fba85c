"""At which levels the intervals of a sweep's comparisons are, so that all of them hold together."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.data.runs import SweepRecords
from analysis.statistics.sequential import tail_levels

LEVEL = 0.95


@dataclass(frozen=True)
class Levels:
    """The level of the interval that must leave out 0, and of the one that must lie within the smallest difference.

    The second is that of two one-sided tests, each of which may err as often as the first interval: without several
    comparisons or looks these are 95 % and 90 %.
    """

    difference: float
    equivalence: float


def levels_of(records: SweepRecords) -> Levels:
    """Bonferroni's over comparisons and workloads, and each at the level of the newest look.

    Each kind of claim may be wrong with a chance of 0.05 over the number of comparisons, and the two do not add up:
    where the true difference is 0 only "better" and "worse" are wrong, and where it matters only "equivalent" and the
    wrong one of these two, which a spread so small that "equivalent" can be said at all leaves next to no chance. A
    look has the level of the numbers of pairs that all looks were taken at, also for an arm that lacks some.
    """
    error = (1 - LEVEL) / comparisons(records)
    return Levels(1 - 2 * _one_side(error / 2, records), 1 - 2 * _one_side(error, records))


def comparisons(records: SweepRecords) -> int:
    """Return how many differences are judged together, at least 1."""
    return max(1, len(records.sweep.arms) - 1) * records.workloads


def _one_side(error: float, records: SweepRecords) -> float:
    looks = records.looks
    if looks is None:
        return error
    return tail_levels(error, looks.taken or looks.planned[:1], looks.planned[-1])[-1]
