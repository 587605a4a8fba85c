"""What a sweep's findings are about: its arms, or only the configurations that one search has found for them."""

from __future__ import annotations

from analysis.verdict.findings import Subject
from search_spaces import Sweep


def subject_of(sweep: Sweep) -> Subject:
    """Arms take several studies: a second search may find other configurations, unless nothing is searched."""
    return "arms" if sweep.search.studies > 1 or not is_searched(sweep) else "configurations"


def is_searched(sweep: Sweep) -> bool:
    """Whether any hyperparameter of any arm has more than one value."""
    arms = sweep.arms.values()
    return any(parameter.value is None for arm in arms for parameter in arm.space.parameters.values())


def unit_of(sweep: Sweep) -> str:
    """What pairs of scores have in common, and what intervals are over."""
    return "seed" if sweep.search.studies == 1 else "study"
