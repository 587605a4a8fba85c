"""What MLflow is given of a run that has ended, from the study and the trial's record alone."""

from __future__ import annotations

import logging
from typing import Any

from cluster.storage.sweep_folder import SweepFolder
from cluster.tracking.run_description import RunDescription
from cluster.tracking.run_notes import configuration
from cluster.tracking.tracker import Tracker
from search_spaces.study.assignment import Assignment, Outcome
from trainables.mlflow_contract import TRIAL_FILE, Status, Tag
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.records import record_up_to
from trainables.tune.summary import summarise


def close_run(
    description: RunDescription, folder: SweepFolder, tracker: Tracker, assignment: Assignment, outcome: Outcome
) -> None:
    """Give a run that the study holds as closed its whole curve, its summary and its last status in MLflow.

    Reads the trial's record and nothing else, so that a resume can do it for a driver that was killed before it could.
    """
    trial_folder = TrialFolder(folder.trial(assignment.trial_id))
    record, damage = trial_folder.read_record()
    if record is not None and outcome.status == Status.PRUNED:
        record = record_up_to(record, outcome.epoch)
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
            Tag.PROCESSOR: record.get("processor", ""),
            Tag.WEIGHTS_SHA256: record.get("outcome", {}).get("weights_sha256", ""),
        }
        tracker.log(description, record["curve"])
        tracker.dataset(description, record["fingerprint"])
        tracker.text(description, TRIAL_FILE, configuration(description))
        points = last_points(record)
    last = record["step"] if record else 0
    tracker.pictures(description, [one for one in trial_folder.pictures() if one[0] <= last])
    tracker.end(description, outcome.status, tags, points)
    if assignment.until is None:  # the state of a population's member is gone on from
        trial_folder.delete_checkpoints()


def last_points(record: dict[str, Any]) -> list[dict[str, float]]:
    """The summary, at step 0 because MLflow draws bars only for values without a course, and the test metrics."""
    curve = record["curve"]
    timestamp = curve[-1]["timestamp"] if curve else 0
    summary = summarise(record)
    tested = record.get("outcome", {}).get("test", {})
    return [{"step": 0, "timestamp": timestamp, **summary}, {"step": record["step"], "timestamp": timestamp, **tested}]
