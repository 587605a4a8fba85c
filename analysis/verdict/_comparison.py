"""How an arm's scores compare with the baseline's: the difference, its intervals, and what they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from analysis.statistics import intervals
from analysis.statistics.intervals import Interval, PairedDifference, PairKey
from analysis.statistics.power import chance_to_be_equivalent, chance_to_differ, pairs_needed
from analysis.verdict.findings import Relation
from analysis.verdict.levels import Levels
from search_spaces.sweep.resolved import FEWEST_PAIRS


@dataclass(frozen=True)
class Comparison:
    """What `ArmVerdict` has of a comparison, under the same names."""

    relation: Relation
    difference: PairedDifference | None = None
    equivalence: Interval | None = None
    effect_size: float | None = None
    pairs_needed: int | None = None


def compare(
    arm: Mapping[PairKey, float],
    baseline: Mapping[PairKey, float],
    levels: Levels,
    *,
    minimize: bool,
    smallest: float | None,
) -> Comparison:
    """Compare scores at `levels`; `smallest` is the smallest difference that matters, in their unit, or None."""
    difference = intervals.paired_difference(arm, baseline, levels.difference)
    if difference is None:
        return Comparison("not_compared")
    equivalence = None
    if smallest is not None:
        equivalence = intervals.bootstrap_interval(difference.differences, levels.equivalence)
    relation = _relation(difference, equivalence, smallest, minimize)
    return Comparison(
        relation,
        difference,
        equivalence,
        intervals.effect_size(arm, baseline),
        _pairs_to_decide(difference, smallest, levels) if relation == "undecided" and smallest is not None else None,
    )


def _relation(
    difference: PairedDifference, equivalence: Interval | None, smallest: float | None, minimize: bool
) -> Relation:
    """What is within the smallest difference that matters is equivalent, also where it is told from 0."""
    if len(difference.seeds) < FEWEST_PAIRS:
        return "too_few_seeds"
    if difference.interval is None:
        same = all(value == 0 for value in difference.differences.values())
        return "no_difference_shown" if same else "no_interval"
    if smallest is not None and equivalence is not None and max(-equivalence.low, equivalence.high) < smallest:
        return "equivalent"
    if difference.interval.excludes_zero:
        return "better" if (difference.mean < 0) == minimize else "worse"
    return "no_difference_shown" if smallest is None else "undecided"


def _pairs_to_decide(difference: PairedDifference, smallest: float, levels: Levels) -> int | None:
    """How many would show the smallest difference, and would show equivalence where there is none, each 4 times in 5.

    Not from the difference that was found, which where its interval holds 0 may be of any size.
    """
    error = intervals.standard_error(difference.differences)
    if error is None:
        return None
    to_differ = partial(
        chance_to_differ,
        difference=smallest,
        spread=error.spread,
        level=levels.difference,
        freedom=error.freedom,
    )
    to_be_equivalent = partial(
        chance_to_be_equivalent,
        smallest=smallest,
        spread=error.spread,
        level=levels.equivalence,
        freedom=error.freedom,
    )
    needed = pairs_needed(lambda pairs: min(to_differ(pairs), to_be_equivalent(pairs)))
    return needed and max(FEWEST_PAIRS, needed)
