"""How arms stand over all workloads of a sweep."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics.ranks import ranks
from analysis.verdict.findings import Verdict


@dataclass(frozen=True)
class Standing:
    """One arm over several workloads.

    `mean_rank` is the mean of its places by score, 1 being the best and ties sharing theirs; None where it lacks a
    score somewhere. The others count workloads by what was found against the baseline; they are 0 for the baseline.
    """

    arm: str
    mean_rank: float | None
    better: int
    no_difference_shown: int
    worse: int


def standings(verdicts: Sequence[Verdict]) -> tuple[Standing, ...]:
    """Each arm over the verdicts of one sweep, in the sweep's order."""
    from pandas import DataFrame

    means = DataFrame([{arm.name: arm.mean for arm in verdict.arms} for verdict in verdicts], dtype=float)
    places = ranks(means, [verdict.score_goal == "minimize" for verdict in verdicts]).mean(skipna=False)
    found = []
    for position, arm in enumerate(verdicts[0].arms):
        findings = Counter(verdict.arms[position].finding for verdict in verdicts)
        found.append(
            Standing(
                arm.name,
                None if math.isnan(places[arm.name]) else float(places[arm.name]),
                findings["better"],
                findings["no_difference_shown"],
                findings["worse"],
            )
        )
    return tuple(found)
