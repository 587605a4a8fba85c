"""What follows from what runs tell: tracking, the display, and a finished trial's checkpoints removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from cluster.run._display import Display
from cluster.run.closing import close_run
from cluster.storage.sweep_folder import SweepFolder
from cluster.tracking.run_description import RunDescription
from cluster.tracking.tracker import Tracker
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.searcher import SweepSearcher
from trainables.mlflow_contract import Status
from trainables.tune.checkpoint import TrialFolder


class RunObserver:
    """Is told of runs by the searcher, after the study. What need not stand is kept until it does.

    ``describe`` says what an assignment is in MLflow.
    """

    def __init__(
        self, describe: Callable[[Assignment], RunDescription], folder: SweepFolder, tracker: Tracker, display: Display
    ) -> None:
        self._describe, self._folder, self._tracker, self._display = describe, folder, tracker, display
        self._points: dict[str, list[dict[str, float]]] = {}

    def started(self, assignment: Assignment) -> None:
        self._display.started(assignment)
        self._tracker.log(self._describe(assignment), [])

    def heard(self, assignment: Assignment, result: Mapping[str, Any]) -> None:
        for warning in result["warnings"]:
            self._display.warn(f"{assignment.trial_id}: {warning}")
        self._points.setdefault(assignment.trial_id, []).extend(result["curve"])
        if "outcome/status" in result:
            self._display.done(assignment, Status(result["outcome/status"]))

    def stands(self, assignment: Assignment, epoch: int) -> None:
        kept = self._points.get(assignment.trial_id, [])
        standing = [point for point in kept if point["epoch"] <= epoch]
        self._points[assignment.trial_id] = [point for point in kept if point["epoch"] > epoch]
        description = self._describe(assignment)
        self._tracker.log(description, standing)
        pictures = TrialFolder(self._folder.trial(assignment.trial_id)).pictures()
        last = standing[-1]["step"] if standing else 0
        self._tracker.pictures(description, [one for one in pictures if one[0] <= last])

    def ended(self, assignment: Assignment, outcome: Outcome) -> None:
        self._points.pop(assignment.trial_id, None)
        if outcome.status == Status.FAILED:
            self._display.warn(f"{assignment.trial_id} failed: {outcome.reason}")
        close_run(self._describe(assignment), self._folder, self._tracker, assignment, outcome)
        self._display.ended(assignment, outcome)

    def lost(self, assignment: Assignment) -> None:
        self._display.lost(assignment)


class Starts(Callback):
    """Tells an observer of the trials that Tune starts."""

    def __init__(self, searcher: SweepSearcher, observer: RunObserver) -> None:
        self._searcher, self._observer = searcher, observer

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._observer.started(self._searcher.assignment(trial.trial_id))

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles callbacks for a snapshot that is never read."""
        return {}
