"""One arm of a sweep as a stream of assignments: what was left running, the search, the confirmation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optuna.storages import BaseStorage

from optimizers import InputError
from search_spaces.study._confirmations import Confirmations
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.population import PopulationStudy, is_population
from search_spaces.study.settling import Settled
from search_spaces.study.study import SearchStudy
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
        # What is not settled, by role and number: what is issued, and what is to be issued again.
        self._open = {(one.role, one.number): one for one in self._again}
        # What has left its place while it is open whether it goes on.
        self._parked: list[Assignment] = []
        # Numbers of those that had one again as nothing else was to be run, and so keep it.
        self._unparked: set[int] = set()
        self.issued = 0
        # Whether there was nothing to issue, which only what is heard of this arm can change.
        self._waits = False

    def next(self) -> Assignment | None:
        """What to run next: what was left running, then the search, then (when it is over) the confirmation.

        Where none of these can be, a parked trial goes on before it is known whether it is to.
        """
        if self._waits:
            return None
        assignment = self._left_over() or self.search.ask() or self._next_confirmation() or self._longest_parked()
        self._waits = assignment is None
        if assignment is not None:
            self._open[assignment.role, assignment.number] = assignment
            self.issued += 1
        return assignment

    def _left_over(self) -> Assignment | None:
        """The first that is to be issued again; one may have been settled meanwhile by what others told."""
        while self._again:
            assignment = self._again.pop(0)
            if (assignment.role, assignment.number) in self._open:
                return assignment
        return None

    def park(self, assignment: Assignment) -> bool:
        """Let a trial leave its place to others where it is open whether it goes on, and it looks as if it would not.

        Returns whether it does. It is issued again when it is known to go on, or when nothing else is to be run.
        """
        if assignment.role != Role.TRIAL or assignment.number in self._unparked:
            return False
        if not self.search.looks_lost(assignment.number):
            return False
        self._parked.append(assignment)
        self._waits = False
        self.issued -= 1
        return True

    def _longest_parked(self) -> Assignment | None:
        if not self._parked:
            return None
        assignment = self._parked.pop(0)
        self._unparked.add(assignment.number)
        return assignment

    def _end_parking(self) -> None:
        """Have those that are known to go on issued again, and forget those that are over."""
        still_open = [one for one in self._parked if (one.role, one.number) in self._open]
        self._parked = [one for one in still_open if self.search.waits(one.number)]
        self._again += [one for one in still_open if not self.search.waits(one.number)]

    def give_back(self, assignment: Assignment) -> None:
        """Issue it again before anything else: its process or its node was lost."""
        self._again.insert(0, assignment)
        self._waits = False
        self.issued -= 1

    @property
    def finished(self) -> bool:
        """Nothing runs and nothing is left to run; only meaningful after :meth:`next` gave None."""
        return not self._open

    def hear(
        self, assignment: Assignment, values: Mapping[int, float], outcome: Outcome | None = None
    ) -> list[tuple[Assignment, Settled]]:
        """Take in a run's metric at decisions, by epoch, and at its end how it ended; return what stands by that.

        Of trials that is settled by their numbers, so it may be of others; of a confirmation at once.
        """
        self._waits = False
        if assignment.role == Role.CONFIRM:
            if outcome is None:
                return []
            self.confirm.tell(assignment.number, outcome)
            settled = [Settled(assignment.number, outcome.epoch, outcome.value, outcome)]
        else:
            settled = self.search.hear(assignment.number, values, outcome)
        told = [(self._open[assignment.role, one.number], one) for one in settled]
        for one, stands in told:
            if stands.outcome is not None:
                del self._open[one.role, one.number]
        self._end_parking()
        return told

    def decisions(self, assignment: Assignment) -> list[int]:
        """Return the epochs after which a run is heard of, the last of which is its end.

        On confirmations nobody decides.
        """
        if assignment.role == Role.CONFIRM:
            return [self.sweep.workload.evaluations]
        return self.search.decisions(assignment.number)

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

    def _next_confirmation(self) -> Assignment | None:
        if any(role == Role.TRIAL for role, _ in self._open):
            return None
        return self.confirm.ask()
