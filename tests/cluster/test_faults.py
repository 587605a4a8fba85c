"""Faults that must cost nothing but time: a tracking server that goes away, a trial's process that is killed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import PIL.Image
import psutil
import pytest
from mlflow import MlflowClient

from cluster.tracking.run_description import DataDescription, RunDescription
from cluster.tracking.tracker import Tracker
from tests.cluster.mlflow_server import Server
from tests.conftest import ONE_STUDY, FrontDoor, wait_until
from trainables.mlflow_contract import Status, Tag

pytestmark = pytest.mark.cluster


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    one.start()
    yield one
    one.kill()


def test_every_metric_arrives_once_after_the_server_was_away(server: Server, tmp_path: Path) -> None:
    tracker = Tracker(server.uri, "faults", "faults-1", tmp_path)
    data = DataDescription("digits", {"data": "made up"})
    runs = [
        RunDescription(f"adam/{number}", {"sweep.role": "trial"}, {"optimizer.lr": number}, data, lambda run_id: run_id)
        for number in range(6)
    ]
    curve = [
        {"step": step, "epoch": step, "timestamp": 1_700_000_000_000 + step, "val/loss": 1 / step}
        for step in range(1, 51)
    ]
    for number, run in enumerate(runs):
        if number == 2:
            assert tracker.flush(60)
            server.kill()
        tracker.log(run, curve[:20])
        tracker.dataset(run, "f" * 64)
        tracker.log(run, curve)  # as a trial does that was started again: everything once more
        tracker.dataset(run, "f" * 64)
        tracker.end(run, Status.FINISHED, points=[{"step": 0, "timestamp": 1, "summary/x": 0.02}])
    assert not tracker.flush(1)
    server.start()
    assert tracker.close(60)

    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("adamant/faults")
    assert experiment is not None
    logged = client.search_runs([experiment.experiment_id])
    assert Counter(run.data.tags["trial.id"] for run in logged) == {run.trial_id: 1 for run in runs}
    for run in logged:
        assert run.info.status == "FINISHED"
        assert run.data.tags[Tag.NOTE] == run.info.run_id
        assert run.inputs is not None
        assert [used.dataset.digest for used in run.inputs.dataset_inputs] == ["f" * 32]
        history = client.get_metric_history(run.info.run_id, "val/loss")
        assert [(point.step, point.value) for point in history] == [
            (point["step"], point["val/loss"]) for point in curve
        ]


def test_a_damaged_picture_is_named_and_nothing_waits_for_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, torn = tmp_path / "whole.png", tmp_path / "torn.png"
    PIL.Image.new("RGB", (8, 8)).save(whole)
    torn.write_bytes(whole.read_bytes()[:20])
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracker, run = Tracker(uri, "faults", "faults-1", tmp_path), RunDescription("adam/0", {"sweep.role": "trial"})
    for _ in range(2):
        tracker.pictures(run, [(1, "generated", torn), (2, "generated", whole)])
    tracker.end(run, Status.FINISHED)
    assert tracker.close(60)
    assert "torn.png is damaged and left out" in caplog.text
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("adamant/faults")
    assert experiment is not None
    (logged,) = client.search_runs([experiment.experiment_id])
    pictures = [file.path for file in client.list_artifacts(logged.info.run_id, "images") if file.path.endswith(".png")]
    assert len(pictures) == 1
    assert "+step+2+" in pictures[0]


def test_an_interrupted_run_is_opened_again_and_not_made_twice(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    run = RunDescription("adam/0", {"sweep.role": "trial"}, {"optimizer.lr": 0.1})
    point = {"step": 1, "timestamp": 1_700_000_000_000, "val/loss": 0.5}
    first = Tracker(uri, "faults", "faults-1", tmp_path)
    first.log(run, [point])
    first.interrupt()
    assert first.close(60)
    second = Tracker(uri, "faults", "faults-1", tmp_path)
    assert second.closed_runs() == set()
    # A trial whose checkpoint is lost trains again what it has told already: the same values, later.
    second.log(run, [{**point, "timestamp": point["timestamp"] + 5000}, {**point, "step": 2}])
    second.log(run, [{**point, "step": 2, "timestamp": point["timestamp"] + 9000}])
    second.end(run, Status.FINISHED)
    assert second.close(60)
    third = Tracker(uri, "faults", "faults-1", tmp_path)
    assert third.closed_runs() == {"adam/0"}
    assert third.close(60)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("adamant/faults")
    assert experiment is not None
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(logged.info.run_id, "val/loss")] == [1, 2]


def test_a_run_that_was_deleted_after_its_end_is_found_and_sent_again(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    runs = [RunDescription(f"adam/{number}", {"sweep.role": "trial"}, {"optimizer.lr": 0.1}) for number in range(2)]
    point = {"step": 1, "timestamp": 1_700_000_000_000, "val/loss": 0.5}
    tracker = Tracker(uri, "faults", "faults-1", tmp_path)
    for run in runs:
        tracker.log(run, [point])
        tracker.end(run, Status.FINISHED)
    assert tracker.closed_runs_now() == {"adam/0", "adam/1"}
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("adamant/faults")
    assert experiment is not None
    client.delete_run(tracker.run_id(runs[1]))
    assert tracker.closed_runs_now() == {"adam/0"}
    tracker.log(runs[1], [point])
    tracker.end(runs[1], Status.FINISHED)
    assert tracker.closed_runs_now() == {"adam/0", "adam/1"}
    assert tracker.close(60)
    logged = client.search_runs([experiment.experiment_id])
    assert {run.data.tags["trial.id"]: run.info.status for run in logged} == {
        "adam/0": "FINISHED",
        "adam/1": "FINISHED",
    }


def actors_of(door: FrontDoor) -> list[psutil.Process]:
    """The trial actors of this front door, told from those of other sessions by their folder."""
    actors = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if (
                "ray::Trial" in " ".join(process.cmdline())
                and process.environ().get("HOME") == door.environment["HOME"]
            ):
                actors.append(process)
    return actors


@pytest.mark.slow
def test_a_trial_whose_process_is_killed_goes_on_from_its_checkpoint(front_door: FrontDoor) -> None:
    driver = front_door.start(
        "run", "quickstart", *ONE_STUDY,
        "--set", "search.trials=2", "--set", "confirm.seeds=[1]", "--set", "workload.epochs=200",
        "--set", "scheduler.grace=20",
    )  # fmt: skip
    trials = front_door.runs / "quickstart" / "trials"
    wait_until(lambda: list(trials.glob("*/*/checkpoints/*.pt")) or driver.poll() is not None, 120, "a checkpoint")
    assert driver.poll() is None
    actors = actors_of(front_door)
    assert actors
    actors[0].kill()
    killed = time.monotonic()
    out, err = driver.communicate(timeout=200)
    assert driver.returncode == 0, err
    assert time.monotonic() - killed < 120
    assert "failed" not in out
    client = MlflowClient(front_door.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    logged = client.search_runs([experiment.experiment_id])
    names = Counter(run.data.tags["trial.id"] for run in logged)
    assert names == dict.fromkeys(
        ["adam/0", "adam/1", "scheduled/0", "scheduled/1", "adam/confirm/0", "scheduled/confirm/0", "summary"], 1
    )
    assert {run.info.status for run in logged} == {"FINISHED"}


def test_a_report_that_cannot_be_written_does_not_undo_a_sweep_that_is_done(shared_ray: FrontDoor) -> None:
    (shared_ray.runs / "quickstart").mkdir(parents=True)
    (shared_ray.runs / "quickstart" / "report").write_text("in the way")
    settings = ["search.trials=2", "confirm.seeds=[1]", "workload.epochs=5"]
    ended = shared_ray("run", "quickstart", *ONE_STUDY, *[part for setting in settings for part in ("--set", setting)])
    assert ended.returncode == 0, ended.stderr
    assert "against adam" in ended.stdout
    assert "warning: no report (" in ended.stdout
    assert "adamant report quickstart --out DIR" in ended.stdout
    client = MlflowClient(shared_ray.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    [summary] = client.search_runs([experiment.experiment_id], "tags.`sweep.role` = 'summary'")
    assert summary.info.status == "FINISHED"
