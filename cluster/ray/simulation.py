"""A sweep without training: searcher and studies as in a real one, curves and times from elsewhere.

For plans, for tests, and for comparing samplers and schedulers on recorded curves in seconds.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import optuna
from optuna.storages import BaseStorage, InMemoryStorage

from search_spaces import Sweep
from search_spaces.study.arm_studies import open_arms
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.searcher import FINISHED, SweepSearcher, Unobserved
from trainables.mlflow_contract import Status

Curve = Callable[[Assignment, int], float]
"""The metric of a run after an epoch, counted from 1."""


@dataclass(frozen=True)
class Ended:
    """A run as it ended: after how many epochs of its own, with which value, and when, in seconds from the start.

    ``trained`` are the epochs that its process trained, some of which may have been in vain.
    """

    assignment: Assignment
    status: str
    epochs: int
    value: float
    at: float
    trained: int


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
    seconds: Mapping[str, float] | Callable[[Assignment], float] | None = None,
    per_run: float = 0.0,
    storage: BaseStorage | None = None,
    stop_after: int | None = None,
) -> list[Ended]:
    """Every run of a sweep on ``slots`` places, in the order of their ends.

    An epoch takes the ``seconds`` of its arm (see ``Assignment.path``) or of its run, 1 where none are given, and each
    run ``per_run`` beside them. The studies are kept in ``storage``, so that a simulation that ended after
    ``stop_after`` runs is gone on with by another.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    arms = open_arms(storage or InMemoryStorage(), sweep)
    ended = _Ends()
    searcher = SweepSearcher(arms, lambda assignment: {"assignment": assignment}, lambda: slots, observer=ended)
    pace = seconds if callable(seconds) else lambda assignment: (seconds or {}).get(assignment.path, 1.0)
    clockwork = Clockwork(searcher, curve, lambda one: arms[one.path].decisions(one), pace, per_run)
    return clockwork.run(slots, ended.taken, stop_after)


class _Ends(Unobserved):
    """Keeps what has ended until it is taken."""

    def __init__(self) -> None:
        self._ended: list[tuple[Assignment, Outcome]] = []

    def ended(self, assignment: Assignment, outcome: Outcome) -> None:
        self._ended.append((assignment, outcome))

    def taken(self) -> list[tuple[Assignment, Outcome]]:
        taken, self._ended = self._ended, []
        return taken


class HearingSearcher(Protocol):
    """A searcher as Tune has them that also says what it has issued, and what of it is over."""

    def suggest(self, trial_id: str) -> Any: ...

    def hear(self, trial_id: str, result: Mapping[str, Any]) -> bool: ...

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None: ...

    def take_overtaken(self) -> set[str]: ...

    def assignment(self, trial_id: str) -> Assignment:
        """What Tune's trial of that id runs."""
        ...


class Clockwork:
    """Runs in places, each heard of after its ``rungs``, epochs of which the last is the end, the earliest first."""

    def __init__(
        self,
        searcher: HearingSearcher,
        curve: Curve,
        rungs: Callable[[Assignment], Sequence[int]],
        seconds: Callable[[Assignment], float],
        per_run: float,
    ) -> None:
        self._searcher, self._curve = searcher, curve
        self._seconds, self._per_run = seconds, per_run
        self._rungs = rungs
        self._numbers, self._events = itertools.count(), list[_Event]()
        # When the process of a run was started, and the epochs that it has trained, then and in all.
        self._since: dict[str, tuple[float, int]] = {}
        self._trained: dict[str, int] = {}
        self._heard: dict[str, list[tuple[int, float]]] = {}

    def run(
        self,
        slots: int,
        take_ended: Callable[[], list[tuple[Assignment, Outcome]]],
        stop_after: int | None = None,
    ) -> list[Ended]:
        """The runs in the order of their ends, all of them or so many."""
        now, free, ended = 0.0, slots, list[Ended]()
        while stop_after is None or len(ended) < stop_after:
            while free and self._start(now):
                free -= 1
            if not self._events:
                break
            event = heapq.heappop(self._events)
            now = event.at
            free += self._hear(event)
            free += self._stop_overtaken(now)
            ended += [
                Ended(one, outcome.status, outcome.epoch - one.since, outcome.value, now, self._trained[one.trial_id])
                for one, outcome in take_ended()
            ]
        return ended

    def _start(self, now: float) -> bool:
        trial_id = str(next(self._numbers))
        suggestion = self._searcher.suggest(trial_id)
        if suggestion is None or suggestion == FINISHED:
            return False
        assignment = self._searcher.assignment(trial_id)
        heard = self._heard.setdefault(assignment.trial_id, [])
        epoch = heard[-1][0] if heard else assignment.since
        self._since[assignment.trial_id] = now + self._per_run, epoch - assignment.since
        self._go_on(trial_id, now + self._per_run, epoch)
        return True

    def _go_on(self, trial_id: str, now: float, epoch: int) -> None:
        assignment = self._searcher.assignment(trial_id)
        heard = next(rung for rung in self._rungs(assignment) if rung > epoch)
        at = now + (heard - epoch) * self._seconds(assignment)
        heapq.heappush(self._events, _Event(at, next(self._numbers), trial_id, heard))

    def _hear(self, event: _Event) -> bool:
        """Whether the run's place is free now."""
        assignment = self._searcher.assignment(event.trial_id)
        value = self._curve(assignment, event.epoch)
        heard = self._heard[assignment.trial_id]
        heard.append((event.epoch, value))
        self._trained[assignment.trial_id] = event.epoch - assignment.since
        result = {"epoch": event.epoch, "objective": value, "decided": heard}
        if event.epoch == self._rungs(assignment)[-1]:
            self._searcher.on_trial_complete(event.trial_id, {**result, "outcome/status": str(Status.FINISHED)})
            return True
        if self._searcher.hear(event.trial_id, result):
            self._searcher.on_trial_complete(event.trial_id, result)
            return True
        self._go_on(event.trial_id, event.at, event.epoch)
        return False

    def _stop_overtaken(self, now: float) -> int:
        """How many places are free by what was overtaken, and has trained until now."""
        overtaken = self._searcher.take_overtaken()
        for trial_id in overtaken:
            assignment = self._searcher.assignment(trial_id)
            began, before = self._since[assignment.trial_id]
            self._trained[assignment.trial_id] = before + int((now - began) / self._seconds(assignment))
            self._searcher.on_trial_complete(trial_id)
        self._events = [event for event in self._events if event.trial_id not in overtaken]
        heapq.heapify(self._events)
        return len(overtaken)
