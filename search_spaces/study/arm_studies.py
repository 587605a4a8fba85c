"""One arm of a sweep as a stream of assignments: what was left running, the search, the confirmation."""

from __future__ import annotations

import math
from collections.abc import Iterator

from optuna.storages import BaseStorage
from optuna.trial import TrialState

from optimizers import InputError
from search_spaces.study._confirmations import Confirmations
from search_spaces.study.population import PopulationStudy, is_population
from search_spaces.study.study import FINISHED, Assignment, Outcome, SearchStudy
from search_spaces.sweep.resolved import Sweep
from trainables.mlflow_contract import Role


def open_arms(storage: BaseStorage, sweep: Sweep) -> dict[str, ArmStudies]:
    """Return the studies of every arm of every contest of a sweep, by ``Assignment.path``.

    Raises InputError for studies that hold what this sweep cannot have written.
    """
    try:
        opened = [ArmStudies(storage, contest, arm) for contest in sweep.contests.values() for arm in sweep.arms]
        for studies in opened:
            list(studies.ended())
    except InputError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"the studies of {sweep.name} are damaged ({error!r}); restore them from a copy") from error
    return {studies.search.path: studies for studies in opened}


class ArmStudies:
    """One arm of a contest from its first trial to its last confirmation, as a stream of assignments."""

    def __init__(self, storage: BaseStorage, sweep: Sweep, arm: str) -> None:
        self.sweep = sweep
        self.search = (PopulationStudy if is_population(sweep, arm) else SearchStudy)(storage, sweep, arm)
        self.confirm = Confirmations(storage, sweep, self.search)
        self._again = [*self.search.running(), *self.confirm.running()]
        self._live: set[tuple[Role, int]] = set()
        self.issued = 0

    def next(self) -> Assignment | None:
        """What to run next: what was left running, then the search, then (when it is over) the confirmation."""
        assignment = self._again.pop(0) if self._again else self.search.ask() or self._next_confirmation()
        if assignment is not None:
            self._live.add((assignment.role, assignment.number))
            self.issued += 1
        return assignment

    def give_back(self, assignment: Assignment) -> None:
        """Issue it again before anything else: its process or its node was lost."""
        self._again.insert(0, assignment)
        self._live.discard((assignment.role, assignment.number))
        self.issued -= 1

    @property
    def finished(self) -> bool:
        """Nothing runs and nothing is left to run; only meaningful after :meth:`next` gave None."""
        return not self._live

    def report(self, assignment: Assignment, epoch: int, value: float) -> None:
        """Record a trial's metric at a decision; on confirmations nobody decides."""
        if assignment.role == Role.TRIAL:
            self.search.report(assignment.number, epoch, value)

    def tell(self, assignment: Assignment, outcome: Outcome) -> None:
        self._study(assignment).tell(assignment.number, outcome)
        self._live.discard((assignment.role, assignment.number))

    def ended(self) -> Iterator[tuple[Assignment, Outcome]]:
        """Every run that has ended, with how it did."""
        yield from self.search.ended()
        yield from self.confirm.ended()

    def left(self) -> dict[Role, int]:
        """How many runs of each role have still to end.

        As far as it can be known: what is best, and so to be confirmed, may change while the search goes on.
        """
        trials = self.search.left()
        return {Role.TRIAL: trials, Role.CONFIRM: self.confirm.left(search_is_over=not trials)}

    def decisions(self) -> Iterator[tuple[str, list[tuple[int, float]]]]:
        """Per search trial the recorded (epoch, value) pairs, for a scheduler that must stand where it stood."""
        for trial in self.search.trials(*FINISHED, TrialState.FAIL, TrialState.RUNNING):
            values = sorted(trial.intermediate_values.items())
            finite = [(epoch, value) for epoch, value in values if math.isfinite(value)]
            yield f"{self.search.path}/{trial.number}", finite

    def _next_confirmation(self) -> Assignment | None:
        if any(role == Role.TRIAL for role, _ in self._live):
            return None
        return self.confirm.ask()

    def _study(self, assignment: Assignment) -> SearchStudy | Confirmations:
        return self.search if assignment.role == Role.TRIAL else self.confirm
