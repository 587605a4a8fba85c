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

    All claims of a comparison together err no more often than 1 - 0.95 over their number: where the true difference is
    0 only a claim of one can be wrong, where it is at least the smallest one that matters only a claim of equivalence
    or of the wrong sign, and between them neither alone.
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
