"""How arms stand over all workloads of a sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.verdict import Verdict


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
    places = [_places(verdict) for verdict in verdicts]
    found = []
    for position, arm in enumerate(verdicts[0].arms):
        own = [of_workload[position] for of_workload in places]
        findings = Counter(verdict.arms[position].finding for verdict in verdicts)
        ranks = [place for place in own if place is not None]
        found.append(
            Standing(
                arm.name,
                sum(ranks) / len(ranks) if len(ranks) == len(verdicts) else None,
                findings["better"],
                findings["no_difference_shown"],
                findings["worse"],
            )
        )
    return tuple(found)


def _places(verdict: Verdict) -> list[float | None]:
    sign = 1 if verdict.score_goal == "minimize" else -1
    scores = [None if arm.mean is None else sign * arm.mean for arm in verdict.arms]
    known = [score for score in scores if score is not None]
    return [
        None
        if score is None
        else 1 + sum(other < score for other in known) + (sum(other == score for other in known) - 1) / 2
        for score in scores
    ]
