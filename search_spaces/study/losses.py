"""Trials whose processes are lost: how often each is issued again, and whose doing it is when it is lost for good."""

from __future__ import annotations

from collections import Counter

from search_spaces.study.assignment import Assignment, Outcome
from trainables.mlflow_contract import Status

# A trial whose process is lost goes on from its checkpoint this often before that counts as its own doing.
RESTARTS = 3
# One that stood still goes on this often: what stands still again does so by itself.
RESTARTS_OF_STALLED = 1
# So many trials that are lost for good, before any other has ended by itself, are the machine's doing.
MOST_SUSPECTS = 3


class Losses:
    """Counts what is lost. A trial that is lost for good is a suspect until another has ended by itself."""

    def __init__(self) -> None:
        self._died: Counter[str] = Counter()
        self._stalled: Counter[str] = Counter()
        self._suspects: list[tuple[Assignment, str]] = []

    def add(self, trial_id: str, stalled: str = "") -> str:
        """Count a loss; return why the trial is lost for good, or "" where it is to be issued again.

        ``stalled`` says why its process was ended; "" stands for one that has ended by itself.
        """
        counts, most = (self._stalled, RESTARTS_OF_STALLED) if stalled else (self._died, RESTARTS)
        counts[trial_id] += 1
        if counts[trial_id] <= most:
            return ""
        times = f"{counts[trial_id]} times"
        return f"{stalled}, {times}" if stalled else f"its process died {times}, or had no memory left"

    def suspect(self, assignment: Assignment, reason: str) -> None:
        """Keep a trial that is lost for good. Raises OSError where there are so many that the machine is to blame."""
        self._suspects.append((assignment, reason))
        if len(self._suspects) >= MOST_SUSPECTS:
            self.blame_machine()

    def take_suspects(self) -> list[tuple[Assignment, Outcome]]:
        """Return the suspects, and forget them: another trial has shown that the machine works."""
        taken, self._suspects = self._suspects, []
        return [(assignment, failure(reason)) for assignment, reason in taken]

    def blame_machine(self) -> None:
        """Raise OSError where there is a suspect."""
        if self._suspects:
            assignment, reason = self._suspects[0]
            raise OSError(f"{assignment.trial_id}: {reason}, and no other trial has ended meanwhile")


def failure(reason: str) -> Outcome:
    """Return how a trial that is lost for good has ended."""
    return Outcome(Status.FAILED, 0, 0.0, reason)
