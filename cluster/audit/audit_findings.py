"""What an audit finds: which part of a sweep is not as it should be, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from optimizers.errors import one_line


class Part(StrEnum):
    """Where a sweep has recorded something."""

    SWEEP = "sweep"
    STUDY = "study"
    RECORDS = "records"
    RUNS = "runs"
    DATA = "data"


class State(StrEnum):
    """What a finding means for the sweep."""

    DAMAGED = "damaged"
    MENDED = "mended"
    OPEN = "open"
    """It is still to be trained."""
    NOTED = "noted"
    """It does no harm."""


class Kind(StrEnum):
    """In what way something is not as it should be."""

    LOST = "lost"
    TWICE = "twice"
    OTHER = "other"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        about: A run's trial id, or a file.
        mend: Mends it, and returns in words what was done; None where nothing can be done.
    """

    part: Part
    about: str
    problem: str
    state: State = State.DAMAGED
    mend: Callable[[], str] | None = None
    kind: Kind = Kind.OTHER


def mended(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Mend what can be mended, one by one, as it is found."""
    for finding in findings:
        if finding.state != State.DAMAGED or finding.mend is None:
            yield finding
            continue
        try:
            yield replace(finding, state=State.MENDED, problem=f"{finding.problem}; {finding.mend()}", mend=None)
        except OSError as error:
            yield replace(finding, problem=f"{finding.problem}; it cannot be mended ({one_line(error)})", mend=None)
