"""How arms stand over all workloads of a sweep."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.statistics.ranks import ranks
from analysis.verdict.findings import Finding, Verdict

COUNTED: tuple[Finding, ...] = (
    "better",
    "configuration_better",
    "equivalent",
    "configuration_equivalent",
    "no_difference_shown",
    "undecided",
    "worse",
    "configuration_worse",
)


@dataclass(frozen=True)
class Standing:
    """One arm over several workloads.

    `mean_rank` is the mean of its places by score, 1 being the best and ties sharing theirs; None where it lacks a
    score somewhere. `findings` counts workloads by what was found against the baseline, for each of `COUNTED`; all are
    0 for the baseline.
    """

    arm: str
    mean_rank: float | None
    findings: Mapping[Finding, int]


def findings_of(verdicts: Sequence[Verdict]) -> list[Finding]:
    """Those of `COUNTED` that a sweep like this can have: by what it is about, and by a smallest difference."""
    of_configurations = verdicts[0].subject == "configurations"
    found = {arm.finding for verdict in verdicts for arm in verdict.arms}
    usual: set[Finding] = {"better", "worse"}
    if of_configurations:
        usual = {"configuration_better", "configuration_worse"}
    if any(verdict.smallest_difference is None for verdict in verdicts):
        usual.add("no_difference_shown")
    if any(verdict.smallest_difference is not None for verdict in verdicts):
        usual |= {"undecided", "configuration_equivalent" if of_configurations else "equivalent"}
    return [finding for finding in COUNTED if finding in usual | found]


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
                {finding: findings[finding] for finding in COUNTED},
            )
        )
    return tuple(found)
