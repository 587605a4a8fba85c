"""The curves' file holds every run, also one whose record is damaged."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cluster.storage.sweep_folder import SweepFolder
from cluster.tracking.curves_artifact import write_curves
from cluster.tracking.run_description import RunDescription
from cluster.tracking.tracker import Tracker
from search_spaces.study.assignment import Assignment, Outcome
from trainables.mlflow_contract import Role, Status
from trainables.tune.checkpoint import TrialFolder

CURVE = [
    {"step": 8 * epoch, "epoch": epoch, "timestamp": 10**12 + epoch, "val/loss": 1 / epoch, "val/accuracy": 0.1}
    for epoch in (1, 2, 3)
]  # fmt: skip


def test_the_curve_of_a_damaged_record_is_taken_from_mlflow(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = SweepFolder(tmp_path, "small")
    tracker = Tracker(f"sqlite:///{tmp_path / 'mlflow.db'}", "small", "small-1", tmp_path)
    for trial_id in ("adam/0", "adam/1"):
        folder.trial(trial_id).mkdir(parents=True)
        TrialFolder(folder.trial(trial_id)).write_record({"spec": {}, "curve": CURVE})
        run = RunDescription(trial_id, {"sweep.role": "trial"})
        tracker.log(run, CURVE)
        last = [{"step": 0, "timestamp": 1, "summary/x": 1.0}, {"step": 24, "timestamp": 1, "test/loss": 0.3}]
        tracker.end(run, Status.FINISHED, points=last)
    ended = [(Assignment("adam", Role.TRIAL, number, {}, 0), Outcome(Status.FINISHED, 3, 0.3)) for number in range(3)]
    damaged = folder.trial("adam/1") / "record.json"
    damaged.write_text(damaged.read_text()[:20])

    curves = pd.read_parquet(write_curves(folder, ended, tracker.curves))
    assert tracker.close(60)
    assert list(curves["trial_id"]) == ["adam/0"] * 3 + ["adam/1"] * 3
    whole, taken = (curves[curves["trial_id"] == name].drop(columns="trial_id") for name in ("adam/0", "adam/1"))
    assert whole.to_dict("records") == taken.to_dict("records") == CURVE
    assert "adam/1: its record is missing or damaged; its curve is taken from MLflow" in caplog.text
    assert "adam/2" not in caplog.text
