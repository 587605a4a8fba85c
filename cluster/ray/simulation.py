"""A sweep without training: searcher, studies and scheduler as in a real one, curves and times from elsewhere.

For plans, for tests, and for comparing samplers and schedulers on recorded curves in seconds.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from cluster.ray.schedulers import decision_epochs, sweep_scheduler
from search_spaces import Sweep
from search_spaces.study.arm_studies import open_arms
from search_spaces.study.searcher import SweepSearcher
from search_spaces.study.study import Assignment
from trainables.mlflow_contract import Status

Curve = Callable[[Assignment, int], float]
"""The metric of a run after an epoch, counted from 1."""


@dataclass(frozen=True)
class Ended:
    """A run as it ended: after how many epochs of its own, with which value, and when, in seconds from the start."""

    assignment: Assignment
    status: str
    epochs: int
    value: float
    at: float


@dataclass(frozen=True)
class _Event:
    """When a run is next heard of, and after which of its epochs."""

    at: float
    order: int
    trial_id: str
    epoch: int

    def __lt__(self, other: _Event) -> bool:
        return (self.at, self.order) < (other.at, other.order)


def simulate(
    sweep: Sweep,
    curve: Curve,
    *,
    slots: int,
    seconds: Mapping[str, float] | None = None,
    per_run: float = 0.0,
    storage: BaseStorage | None = None,
    stop_after: int | None = None,
) -> list[Ended]:
    """Every run of a sweep on ``slots`` places, in the order of their ends.

    An epoch of an arm (see ``Assignment.path``) takes its ``seconds``, 1 where none are given, and each run ``per_run``
    beside them. The studies are kept in ``storage``, so that a simulation that ended after ``stop_after`` runs is gone
    on with by another.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    arms = open_arms(storage or InMemoryStorage(), sweep)
    searcher = SweepSearcher(arms, lambda assignment: {"assignment": assignment}, lambda: slots)
    scheduler = sweep_scheduler(arms, searcher.assignment, lambda: slots)

    def rungs(assignment: Assignment) -> list[int]:
        contest = arms[assignment.path].sweep
        return decision_epochs(contest, contest.workload.evaluations, assignment)

    return Clockwork(searcher, scheduler, curve, rungs, seconds or {}, per_run).run(slots, stop_after)


class AssigningSearcher(Protocol):
    """A searcher of Tune's that also says what it has issued."""

    def suggest(self, trial_id: str) -> Any: ...

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None: ...

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None: ...

    def assignment(self, trial_id: str) -> Assignment:
        """What Tune's trial of that id runs."""
        ...


class Clockwork:
    """Runs in places, each heard of after its ``rungs``, epochs of which the last is the end, the earliest first."""

    def __init__(
        self,
        searcher: AssigningSearcher,
        scheduler: TrialScheduler,
        curve: Curve,
        rungs: Callable[[Assignment], Sequence[int]],
        seconds: Mapping[str, float],
        per_run: float,
    ) -> None:
        self._searcher, self._scheduler, self._curve = searcher, scheduler, curve
        self._seconds, self._per_run = seconds, per_run
        self._rungs = rungs
        self._numbers, self._events = itertools.count(), list[_Event]()
        self._ended: list[Ended] = []

    def run(self, slots: int, stop_after: int | None = None) -> list[Ended]:
        """The runs in the order of their ends, all of them or so many."""
        now, free = 0.0, slots
        while stop_after is None or len(self._ended) < stop_after:
            while free and self._start(now):
                free -= 1
            if not self._events:
                break
            event = heapq.heappop(self._events)
            now = event.at
            free += self._hear(event)
        return self._ended

    def _start(self, now: float) -> bool:
        trial_id = str(next(self._numbers))
        suggestion = self._searcher.suggest(trial_id)
        if suggestion is None or suggestion == Searcher.FINISHED:
            return False
        self._scheduler.on_trial_add(_NO_CONTROLLER, _trial(trial_id))
        self._go_on(trial_id, now + self._per_run, self._searcher.assignment(trial_id).since)
        return True

    def _go_on(self, trial_id: str, now: float, epoch: int) -> None:
        assignment = self._searcher.assignment(trial_id)
        heard = next(rung for rung in self._rungs(assignment) if rung > epoch)
        at = now + (heard - epoch) * self._seconds.get(assignment.path, 1.0)
        heapq.heappush(self._events, _Event(at, next(self._numbers), trial_id, heard))

    def _hear(self, event: _Event) -> bool:
        """Whether the run's place is free now."""
        assignment = self._searcher.assignment(event.trial_id)
        value = self._curve(assignment, event.epoch)
        result: dict[str, Any] = {"epoch": event.epoch, "objective": value}
        if event.epoch < self._rungs(assignment)[-1]:
            decision = self._scheduler.on_trial_result(_NO_CONTROLLER, _trial(event.trial_id), result)
            if decision != TrialScheduler.STOP:
                self._searcher.on_trial_result(event.trial_id, result)
                self._go_on(event.trial_id, event.at, event.epoch)
                return False
        else:
            result["outcome/status"] = Status.FINISHED
        self._scheduler.on_trial_complete(_NO_CONTROLLER, _trial(event.trial_id), result)
        self._searcher.on_trial_complete(event.trial_id, result)
        status = result.get("outcome/status", Status.PRUNED)
        self._ended.append(Ended(assignment, status, event.epoch - assignment.since, value, event.at))
        return True


_NO_CONTROLLER: Any = None


def _trial(trial_id: str) -> Any:
    """As much of Tune's trial as our scheduler reads."""
    return SimpleNamespace(trial_id=trial_id)
