"""What runs next of a sweep, and what becomes of it: arms interleave, and all is in the study before it is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.losses import Losses, failure
from trainables.mlflow_contract import Status

# A node that is gone is offered until the cluster notices, so nothing is started on what does not answer; but no longer
# than this, as nodes may be out of this process's reach.
PATIENCE_S = 30.0
FINISHED = "FINISHED"
"""In place of a config: nothing is left to run."""
# What a confirmation measured on the test split, in Tune's flattened results.
_TESTED = "outcome/test/"


class Observer(Protocol):
    """Is told of runs: what was heard of them, and what of that stands."""

    def heard(self, assignment: Assignment, result: Mapping[str, Any]) -> None:
        """A run told a result, which need not stand."""

    def stands(self, assignment: Assignment, epoch: int) -> None:
        """What was heard of a run up to an epoch stands."""

    def ended(self, assignment: Assignment, outcome: Outcome) -> None:
        """A run has ended, and that is recorded."""

    def lost(self, assignment: Assignment) -> None:
        """A run has no process any more; it starts again, if it is to go on."""


class Unobserved:
    """Does nothing with what it is told."""

    def heard(self, assignment: Assignment, result: Mapping[str, Any]) -> None: ...

    def stands(self, assignment: Assignment, epoch: int) -> None: ...

    def ended(self, assignment: Assignment, outcome: Outcome) -> None: ...

    def lost(self, assignment: Assignment) -> None: ...


class SweepSearcher:
    """Issues the assignments of every arm, the arm with the fewest issued first; arms go by ``Assignment.path``.

    ``configure`` turns an assignment into the Trainable's config; ``slots`` says how many run at once, ``nodes_answer``
    whether every node that the cluster takes to be there is, and ``lost_nodes`` how many it has seen go. ``observer``
    is told of what becomes of the runs. Results are read by the keys ``epoch``, ``objective``, ``decided`` and
    ``outcome`` (see ``trainables.tune.trial.Trial``).

    What a trial tells is heard by :meth:`hear`, which a scheduler calls. It is settled in the order of the trials'
    numbers (see ``settling``), so a trial may train on for a while before it is known that it was to be stopped.

    A trial whose process or node is lost is issued again, as another trial of Tune's. Tune's own restarts are not for
    this: they leave out a trial whose new process cannot start, as happens on a node that has just died.

    A failure of the machine is none of a configuration: it ends the session, and the study keeps the trial as running,
    so that a resume issues it again. That is so for a trial that was interrupted, where trials are lost again and again
    and no other trial of the session has ended, and where the study cannot be told. ``suggest`` raises what ends the
    session, as Tune takes an error of any other hook for one of the trial.
    """

    def __init__(
        self,
        arms: Mapping[str, ArmStudies],
        configure: Callable[[Assignment], dict[str, Any]],
        slots: Callable[[], int],
        nodes_answer: Callable[[], bool] = lambda: True,
        lost_nodes: Callable[[], int] = lambda: 0,
        observer: Observer = Unobserved(),
    ) -> None:
        self._arms = arms
        self._configure = configure
        self._nodes_answer, self._lost_nodes, self._known_lost = nodes_answer, lost_nodes, 0
        self._losses = Losses()
        # Why the processes of trials, by Tune's ids, were ended.
        self._stalled: dict[str, str] = {}
        self._lost_at: float | None = None
        self._live: set[str] = set()
        self._issued: dict[str, Assignment] = {}
        # Trial ids of what has ended, and Tune's ids of trials that train on although they are over.
        self._outcomes: dict[str, Outcome] = {}
        self._overtaken: set[str] = set()
        # Whether any trial of this session has ended by itself.
        self._works = False
        self._observer = observer
        self._slots = slots
        self._ended_by: Exception | None = None

    def end(self, error: Exception) -> None:
        """Have the next ``suggest`` raise an error; nothing is told to a study from now on."""
        self._ended_by = self._ended_by or error

    def outcome(self, trial_id: str) -> Outcome | None:
        """How Tune's trial of that id ended, or None if it did not, or if that is not settled yet."""
        return self._outcomes.get(self._issued[trial_id].trial_id)

    def take_overtaken(self) -> set[str]:
        """Return Tune's ids of the trials that are over since the last call, and whose processes know nothing of it."""
        taken, self._overtaken = self._overtaken, set()
        return taken

    def assignment(self, trial_id: str) -> Assignment:
        """What Tune's trial of that id runs."""
        return self._issued[trial_id]

    def stall(self, trial_id: str, reason: str) -> None:
        """Take note of why the process of Tune's trial of that id is ended, before it is."""
        self._stalled[trial_id] = reason

    def suggest(self, trial_id: str) -> Any:
        """A config, None while every arm waits for its last trials, ``FINISHED`` at the end."""
        if self._ended_by is not None:
            raise self._ended_by
        # One more than can run, so that a free actor never waits for a suggestion.
        if len(self._live) > self._slots() or self._is_losing_nodes():
            return None
        for arm in sorted(self._arms.values(), key=lambda arm: arm.issued):
            assignment = arm.next()
            if assignment is not None:
                self._issued[trial_id] = assignment
                self._live.add(trial_id)
                return self._configure(assignment)
        if all(arm.finished for arm in self._arms.values()):
            return FINISHED
        if not self._live:
            self._losses.blame_machine()
        return None

    def _is_losing_nodes(self) -> bool:
        if self._lost_at is None:
            return False
        if self._nodes_answer() or time.monotonic() - self._lost_at > PATIENCE_S:
            self._lost_at = None
        return self._lost_at is not None

    def hear(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        """Take in a trial's result; return whether its process is free, as it is over, or parked.

        A trial is over by this result or by what another told before.
        """
        assignment = self._issued[trial_id]
        values = dict(result.get("decided", ()))
        self._unless_ended(lambda: self._settle(assignment, result, values, None))
        if assignment.trial_id in self._outcomes:
            return True
        if self._ended_by is None and self._arms[assignment.path].park(assignment):
            self._observer.lost(assignment)
            return True
        return False

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take in that the process of a trial is free: with its last ``result``, or by an ``error``."""
        self._unless_ended(lambda: self._complete(trial_id, result, error))

    def _unless_ended(self, tell: Callable[[], None]) -> None:
        try:
            if self._ended_by is None:
                tell()
        except Exception as error:  # noqa: BLE001 - suggest raises it
            self.end(error)

    def _complete(self, trial_id: str, result: dict[str, Any] | None, error: bool) -> None:
        assignment = self._issued[trial_id]
        self._live.discard(trial_id)
        if assignment.trial_id in self._outcomes:
            return
        if error:
            self._lose(assignment, self._stalled.pop(trial_id, ""))
        elif result is not None and "outcome/status" in result:
            values = dict(result["decided"])
            self._settle(assignment, result, values, _outcome_of(assignment, result))
        # Else it is parked, or never ran to its end: the study keeps it as running, and a resume issues it again.

    def _lose(self, assignment: Assignment, stalled: str) -> None:
        """Issue a trial again whose process is lost, unless it is lost for good by its own doing."""
        reason = "" if self._has_lost_a_node() else self._losses.add(assignment.trial_id, stalled)
        if reason and self._works:
            self._settle(assignment, {}, {}, failure(reason))
            return
        self._observer.lost(assignment)
        if reason:
            self._losses.suspect(assignment, reason)
            return
        self._lost_at = time.monotonic()
        self._arms[assignment.path].give_back(assignment)

    def _settle(
        self,
        assignment: Assignment,
        result: Mapping[str, Any],
        values: Mapping[int, float],
        outcome: Outcome | None,
    ) -> None:
        """Tell the studies, and whoever observes what stands by it."""
        if assignment.trial_id in self._outcomes:
            return
        self._works |= outcome is not None and outcome.status != Status.FAILED
        if result:
            self._observer.heard(assignment, result)
        live = {self._issued[trial_id].trial_id: trial_id for trial_id in self._live}
        for settled, stands in self._arms[assignment.path].hear(assignment, values, outcome):
            if stands.outcome is None:
                self._observer.stands(settled, stands.epoch)
                continue
            self._outcomes[settled.trial_id] = stands.outcome
            if settled.trial_id != assignment.trial_id and settled.trial_id in live:
                self._overtaken.add(live[settled.trial_id])
            self._observer.ended(settled, stands.outcome)
        for suspect, failed in self._losses.take_suspects() if self._works else ():
            self._settle(suspect, {}, {}, failed)

    def _has_lost_a_node(self) -> bool:
        """Return whether a node has gone since this was last asked, or is about to be found gone."""
        before, self._known_lost = self._known_lost, self._lost_nodes()
        return self._known_lost > before or not self._nodes_answer()


def _outcome_of(assignment: Assignment, result: Mapping[str, Any]) -> Outcome:
    """Return how a trial ended by its last result. Raises OSError for one that the machine has interrupted."""
    status, reason = Status(result["outcome/status"]), result.get("outcome/reason", "")
    if status == Status.INTERRUPTED:
        raise OSError(f"{assignment.trial_id}: {reason}")
    tested = {name.removeprefix(_TESTED): value for name, value in result.items() if name.startswith(_TESTED)}
    tradeoffs = tuple(result.get("tradeoffs", ()))
    return Outcome(status, result["epoch"], result["objective"], reason, tradeoffs, tested)
