"""What follows from Tune's events: tracking, the display, and a finished trial's checkpoints removed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from cluster.run._display import Display
from cluster.storage.sweep_folder import SweepFolder
from cluster.tracking.run_description import RunDescription
from cluster.tracking.run_notes import configuration
from cluster.tracking.tracker import Tracker
from search_spaces.study.searcher import SweepSearcher
from search_spaces.study.study import Assignment, Outcome
from trainables.mlflow_contract import TRIAL_FILE, Status, Tag
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.summary import summarise


class SweepCallback(Callback):
    """Called by Tune after the searcher has told the study."""

    def __init__(
        self,
        describe: Callable[[Assignment], RunDescription],
        folder: SweepFolder,
        searcher: SweepSearcher,
        tracker: Tracker,
        display: Display,
    ) -> None:
        self._describe, self._folder, self._searcher = describe, folder, searcher
        self._tracker, self._display = tracker, display

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        assignment = self._searcher.assignment(trial.trial_id)
        self._display.started(assignment)
        self._tracker.log(self._describe(assignment), [])

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        assignment = self._searcher.assignment(trial.trial_id)
        for warning in result["warnings"]:
            self._display.warn(f"{assignment.trial_id}: {warning}")
        description = self._describe(assignment)
        self._tracker.log(description, result["curve"])
        self._tracker.pictures(description, TrialFolder(self._folder.trial(assignment.trial_id)).pictures())

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._end(trial)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._end(trial)

    def _end(self, trial: Trial) -> None:
        assignment, outcome = self._searcher.assignment(trial.trial_id), self._searcher.outcome(trial.trial_id)
        if outcome is None:
            self._display.lost(assignment)
            return
        if outcome.status == Status.FAILED:
            self._display.warn(f"{assignment.trial_id} failed: {outcome.reason}")
        try:
            close_run(self._describe(assignment), self._folder, self._tracker, assignment, outcome)
        except OSError as error:  # which Tune would take for one of the trial, that has ended
            self._searcher.end(error)
        self._display.ended(assignment, outcome)

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles callbacks for a snapshot that is never read."""
        return {}


def close_run(
    description: RunDescription, folder: SweepFolder, tracker: Tracker, assignment: Assignment, outcome: Outcome
) -> None:
    """Give a run that the study holds as closed its whole curve, its summary and its last status in MLflow.

    Reads the trial's record and nothing else, so that a resume can do it for a driver that was killed before it could.
    """
    trial_folder = TrialFolder(folder.trial(assignment.trial_id))
    record, damage = trial_folder.read_record()
    for sentence in damage:
        logging.getLogger("adamant").warning("%s: %s", assignment.trial_id, sentence)
    tracker.send_again(description)
    tags: dict[str, str] = {Tag.STATUS_DETAIL: outcome.reason} if outcome.status == Status.FAILED else {}
    points: list[dict[str, float]] = []
    if record is not None:
        tags |= {
            Tag.DATA_FINGERPRINT: record["fingerprint"],
            Tag.DATA_NOTE: record.get("data_note", ""),
            Tag.NODE: record.get("node", ""),
            Tag.DEVICE: record.get("device", ""),
            Tag.WEIGHTS_SHA256: record.get("outcome", {}).get("weights_sha256", ""),
        }
        tracker.log(description, record["curve"])
        tracker.dataset(description, record["fingerprint"])
        tracker.text(description, TRIAL_FILE, configuration(description))
        points = _last_points(record)
    tracker.pictures(description, trial_folder.pictures())
    tracker.end(description, outcome.status, tags, points)
    if assignment.until is None:  # the state of a population's member is gone on from
        trial_folder.delete_checkpoints()


def _last_points(record: dict[str, Any]) -> list[dict[str, float]]:
    """The summary, at step 0 because MLflow draws bars only for values without a course, and the test metrics."""
    curve = record["curve"]
    timestamp = curve[-1]["timestamp"] if curve else 0
    summary = summarise(record)
    tested = record.get("outcome", {}).get("test", {})
    return [{"step": 0, "timestamp": timestamp, **summary}, {"step": record["step"], "timestamp": timestamp, **tested}]
