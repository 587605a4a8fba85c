"""Ray Tune's view of the studies: arms interleave, and Tune is told nothing that the study does not hold first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ray.tune.search import Searcher

from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.study import Assignment, Outcome
from trainables.mlflow_contract import Status

# A trial whose process is lost goes on from its checkpoint this often before that counts as its own doing.
RESTARTS = 3
# A node that is gone is offered until the cluster notices, so nothing is started on what does not answer; but no longer
# than this, as nodes may be out of this process's reach.
PATIENCE_S = 30.0


class SweepSearcher(Searcher):
    """Issues the assignments of every arm, the arm with the fewest issued first; arms go by ``Assignment.path``.

    ``configure`` turns an assignment into the Trainable's config; ``slots`` says how many run at once, ``nodes_answer``
    whether every node that the cluster takes to be there is, and ``lost_nodes`` how many it has seen go. Results are
    read by the keys ``epoch``, ``objective`` and ``outcome`` (see ``trainables.tune.trial.Trial``).

    A trial whose process or node is lost is issued again, as another trial of Tune's. Tune's own restarts are not for
    this: they leave out a trial whose new process cannot start, as happens on a node that has just died.

    A failure of the machine is none of a configuration: it ends the session, and the study keeps the trial as running,
    so that a resume issues it again. That is so for a trial that was interrupted, for one that is lost again and again
    before any other trial of the session has ended, and where the study cannot be told. ``suggest`` raises what ends
    the session, as Tune takes an error of any other hook for one of the trial.
    """

    def __init__(
        self,
        arms: Mapping[str, ArmStudies],
        configure: Callable[[Assignment], dict[str, Any]],
        slots: Callable[[], int],
        nodes_answer: Callable[[], bool] = lambda: True,
        lost_nodes: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(metric="objective", mode="min")
        self._arms = arms
        self._configure = configure
        self._nodes_answer, self._lost_nodes, self._known_lost = nodes_answer, lost_nodes, 0
        self._losses: Counter[str] = Counter()
        self._lost_at: float | None = None
        self._live: set[str] = set()
        self._issued: dict[str, Assignment] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._slots = slots
        self._ended_by: Exception | None = None

    def end(self, error: Exception) -> None:
        """Have the next ``suggest`` raise an error; nothing is told to a study from now on."""
        self._ended_by = self._ended_by or error

    def outcome(self, trial_id: str) -> Outcome | None:
        """How Tune's trial of that id ended, or None if it did not."""
        return self._outcomes.get(trial_id)

    def assignment(self, trial_id: str) -> Assignment:
        """What Tune's trial of that id runs."""
        return self._issued[trial_id]

    def suggest(self, trial_id: str) -> Any:
        """A config, None while every arm waits for its last trials, ``Searcher.FINISHED`` at the end."""
        if self._ended_by is not None:
            raise self._ended_by
        # One more than can run, so that a free actor never waits for a suggestion, and no more, so that each suggestion
        # knows as many results as it can.
        if len(self._live) > self._slots() or self._is_losing_nodes():
            return None
        for arm in sorted(self._arms.values(), key=lambda arm: arm.issued):
            assignment = arm.next()
            if assignment is not None:
                self._issued[trial_id] = assignment
                self._live.add(trial_id)
                return self._configure(assignment)
        return Searcher.FINISHED if all(arm.finished for arm in self._arms.values()) else None

    def _is_losing_nodes(self) -> bool:
        if self._lost_at is None:
            return False
        if self._nodes_answer() or time.monotonic() - self._lost_at > PATIENCE_S:
            self._lost_at = None
        return self._lost_at is not None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        assignment = self._issued[trial_id]
        self._unless_ended(lambda: self._arms[assignment.path].report(assignment, result["epoch"], result["objective"]))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._unless_ended(lambda: self._complete(trial_id, result, error))

    def _unless_ended(self, tell: Callable[[], None]) -> None:
        try:
            if self._ended_by is None:
                tell()
        except Exception as error:  # noqa: BLE001 - suggest raises it
            self.end(error)

    def _complete(self, trial_id: str, result: dict[str, Any] | None, error: bool) -> None:
        assignment = self._issued[trial_id]
        if error and self._losses[assignment.trial_id] < RESTARTS:
            self._losses[assignment.trial_id] += not self._has_lost_a_node()
            self._lost_at = time.monotonic()
            self._live.discard(trial_id)
            self._arms[assignment.path].give_back(assignment)
            return
        if error:
            outcome = self._lost_for_good(assignment)
        elif result is not None and "objective" in result:
            outcome = _outcome_of(assignment, result)
        else:
            # The trial never ran: the study keeps it as running, and a resume issues it again.
            return
        self._arms[assignment.path].tell(assignment, outcome)
        self._outcomes[trial_id] = outcome
        self._live.discard(trial_id)

    def _has_lost_a_node(self) -> bool:
        """Return whether a node has gone since this was last asked, or is about to be found gone."""
        before, self._known_lost = self._known_lost, self._lost_nodes()
        return self._known_lost > before or not self._nodes_answer()

    def _lost_for_good(self, assignment: Assignment) -> Outcome:
        """Return the failure of a trial that others have shown to be its own. Raises OSError while none has."""
        reason = f"its process died {RESTARTS + 1} times, or had no memory left"
        if all(outcome.status == Status.FAILED for outcome in self._outcomes.values()):
            raise OSError(f"{assignment.trial_id}: {reason}, and no other trial has ended meanwhile")
        return Outcome(Status.FAILED, 0, 0.0, reason)

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict, **spec: Any) -> bool:
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles searchers for a snapshot that is never read: the study is what a resume reads."""
        return {}

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Nothing to save, for the same reason."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


def _outcome_of(assignment: Assignment, result: dict[str, Any]) -> Outcome:
    """Return how a trial ended by its last result. Raises OSError for one that the machine has interrupted."""
    status, reason = Status(result.get("outcome/status", Status.PRUNED)), result.get("outcome/reason", "")
    if status == Status.INTERRUPTED:
        raise OSError(f"{assignment.trial_id}: {reason}")
    return Outcome(status, result["epoch"], result["objective"], reason, tuple(result.get("tradeoffs", ())))
