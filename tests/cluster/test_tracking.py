"""What MLflow refuses for good, or somebody deleted in it, costs one run at most, is told, and is sent again."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

import analysis
from cluster.tracking.run_description import RunDescription, describe, describe_summary
from cluster.tracking.tracker import Tracker
from search_spaces import parse_sweep
from search_spaces.study.assignment import Assignment
from tests.conftest import slow
from trainables.mlflow_contract import SWEEP_FILE, Role, Status

CURVE = [
    {"step": step, "epoch": step, "timestamp": 1_700_000_000_000 + step, "val/loss": 1 / step} for step in range(1, 6)
]
KILLED = """
import os, sys, time
from pathlib import Path
from cluster.tracking.tracker import Tracker
tracker = Tracker(sys.argv[1], "early", "early-1", Path(sys.argv[2]))
time.sleep(float(sys.argv[3]))
os._exit(9)
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database for all tests, each of which has a sweep of its own in it."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'mlflow.db'}"


@pytest.fixture
def start(uri: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Tracker]:
    return lambda: Tracker(uri, request.node.name, f"{request.node.name}-1", tmp_path)


def trial(number: int, **changes: object) -> RunDescription:
    return RunDescription(f"adam/{number}", {"sweep.role": "trial"}, {"optimizer.lr": number, **changes})


def send(tracker: Tracker, run: RunDescription) -> None:
    """All of a run, as is done when its trial has ended."""
    tracker.send_again(run)
    tracker.log(run, CURVE)
    tracker.end(run, Status.FINISHED, points=[{"step": 0, "timestamp": 1, "summary/x": 0.2}])


def active(uri: str, name: str) -> dict[str, list[Run]]:
    """The runs of a sweep that are not deleted, by trial."""
    client, found = MlflowClient(uri), {}
    experiment = client.get_experiment_by_name(f"adamant/{name}")
    assert experiment is not None
    for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ACTIVE_ONLY):
        found.setdefault(run.data.tags["trial.id"], []).append(run)
    return found


def assert_whole(uri: str, run: Run) -> None:
    assert run.info.status == "FINISHED"
    history = MlflowClient(uri).get_metric_history(run.info.run_id, "val/loss")
    assert [(point.step, point.value) for point in history] == [(point["step"], point["val/loss"]) for point in CURVE]


def erase(uri: str, run_id: str) -> None:
    """As ``mlflow gc`` does with a deleted run."""
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as database:
        for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
            database.execute(f"delete from {table} where run_uuid = ?", (run_id,))


@pytest.mark.parametrize("seconds", [slow(0.0), 0.7, slow(1.4), slow(2.1)])
def test_a_driver_killed_while_it_makes_the_database_leaves_a_storage_that_works(
    tmp_path: Path, seconds: float
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    # From where MLflow is loaded, and the tables are about to be made.
    code = f"import mlflow.store.tracking.sqlalchemy_store\n{KILLED}"
    arguments = [sys.executable, "-c", code, uri, str(tmp_path / "artifacts"), str(seconds)]
    assert subprocess.run(arguments, check=False).returncode == 9
    tracker = Tracker(uri, "next", "next-1", tmp_path)
    send(tracker, trial(0))
    assert tracker.close(60)
    assert_whole(uri, active(uri, "next")["adam/0"][0])


@pytest.mark.parametrize("erased", [False, True], ids=["deleted", "erased"])
def test_a_run_deleted_while_it_is_written_is_whole_in_the_end(
    uri: str, start: Callable[[], Tracker], request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture,
    erased: bool,
) -> None:  # fmt: skip
    tracker = start()
    for number in range(2):
        tracker.log(trial(number), CURVE[:2])
    assert tracker.flush(60)
    run_id = tracker.run_id(trial(0))
    MlflowClient(uri).delete_run(run_id)
    if erased:
        erase(uri, run_id)
    for number in range(2):
        tracker.log(trial(number), CURVE[2:4])
        send(tracker, trial(number))
    assert tracker.close(60)
    assert not tracker.refused
    runs = active(uri, request.node.name)
    for number in range(2):
        [run] = runs[f"adam/{number}"]
        assert_whole(uri, run)
        assert run.data.params == {"optimizer.lr": str(number)}
    assert (runs["adam/0"][0].info.run_id == run_id) is not erased
    assert f"the run of adam/0 was deleted{' for good' if erased else ''}" in caplog.text


def test_an_experiment_deleted_in_mid_sweep_is_restored(
    uri: str, start: Callable[[], Tracker], request: pytest.FixtureRequest
) -> None:
    tracker = start()
    tracker.log(trial(0), CURVE[:2])
    assert tracker.flush(60)
    MlflowClient(uri).delete_experiment(tracker.experiment_id())
    for number in range(2):
        send(tracker, trial(number))
    assert tracker.close(60)
    runs = active(uri, request.node.name)
    for number in range(2):
        assert_whole(uri, runs[f"adam/{number}"][0])


def test_a_run_deleted_between_two_drivers_is_restored_by_the_second(
    uri: str, start: Callable[[], Tracker], request: pytest.FixtureRequest
) -> None:
    first = start()
    send(first, trial(0))
    assert first.close(60)
    MlflowClient(uri).delete_run(first.run_id(trial(0)))
    second = start()
    assert second.closed_runs() == set()
    send(second, trial(0))
    assert second.close(60)
    [run] = active(uri, request.node.name)["adam/0"]
    assert run.info.run_id == first.run_id(trial(0))
    assert_whole(uri, run)


def test_a_trial_with_other_parameters_gets_a_run_of_its_own(
    uri: str, start: Callable[[], Tracker], request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a study was restored from an older copy."""
    first = start()
    first.log(trial(0), CURVE[:2])
    first.interrupt()
    assert first.close(60)
    for _ in range(2):
        later, other = start(), trial(0, **{"optimizer.lr": 0.5})
        send(later, other)
        assert later.close(60)
    newest, oldest = active(uri, request.node.name)["adam/0"]
    assert_whole(uri, newest)
    assert newest.data.params == {"optimizer.lr": "0.5"}
    assert (oldest.info.run_id, oldest.data.params) == (first.run_id(trial(0)), {"optimizer.lr": "0"})
    assert "has another optimizer.lr (0, not 0.5)" in caplog.text


def test_a_refusal_is_told_once_holds_up_nobody_and_is_sent_again(
    uri: str, start: Callable[[], Tracker], request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:  # fmt: skip
    first = start()
    send(first, trial(0, **{"not a name?": 1}))
    first.artifact(trial(2), tmp_path / "missing.yaml")
    send(first, trial(1))
    assert first.close(60)
    assert set(first.refused) == {"adam/0", "adam/2"}
    assert caplog.text.count("MLflow refuses a part of adam/0") == 1
    runs = active(uri, request.node.name)
    for number in range(2):
        assert_whole(uri, runs[f"adam/{number}"][0])  # the rest of the refused run, and all of the other

    second = start()
    assert second.closed_runs() == {"adam/1"}
    send(second, trial(0))
    assert second.close(60)
    assert not second.refused
    third = start()
    assert third.closed_runs() == {"adam/0", "adam/1"}
    assert third.close(60)


SWEEP = """\
name: values
question: Does a value come back as what it was?
workload: {name: mlp/digits, epochs: 20, batch_size: 64}
metric: {name: val/loss, goal: minimize}
baseline: scheduled
arms: {scheduled: {optimizer: moment_adam}}
search: {trials: 1}
confirm: {top_k: 1, seeds: [1]}
"""


def test_a_configuration_comes_back_into_a_table_as_what_it_was(uri: str, tmp_path: Path) -> None:
    """Numbers to the last bit, and texts that look like numbers, true or none as texts; MLflow shows all as text."""
    hyperparameters = {
        "lr": 0.1 + 0.2,
        "beta1_schedule": {"kind": "exponential_decay", "tau": 30.000000000000004},
        "kinds": ["1", 1, 1.0, True, None],
        "nesterov": True,
        "number": 1,
        "text": "1",
        "power": "1e-3",
        "switch": "true",
        "nothing": "None",
    }
    sweep = parse_sweep(SWEEP)
    run = describe(sweep, Assignment("scheduled", Role.TRIAL, 0, hyperparameters, seed=0))
    (tmp_path / SWEEP_FILE).write_text(SWEEP, encoding="utf-8")
    tracker, summary = Tracker(uri, "values", "values-1", tmp_path), describe_summary(sweep)
    tracker.artifact(summary, tmp_path / SWEEP_FILE)
    send(tracker, run)
    assert tracker.close()
    [logged] = active(uri, "values")["scheduled/0"]
    assert logged.data.params == {name: str(value) for name, value in run.params.items()}
    [row] = analysis.load("values", uri).trials.to_dict("records")
    columns = {str(name): value for name, value in row.items()}
    read = {name.removeprefix("optimizer."): value for name, value in columns.items() if name.startswith("optimizer.")}
    schedule = hyperparameters.pop("beta1_schedule")
    expected = {**hyperparameters, "beta1_schedule.kind": schedule["kind"], "beta1_schedule.tau": schedule["tau"]}
    assert {name: repr(value) for name, value in read.items()} == {name: repr(expected[name]) for name in read}
    assert read.keys() == expected.keys()
    assert (row["epochs"], row["batch_size"]) == (20, 64)
