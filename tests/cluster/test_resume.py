"""A driver that is killed, in every phase of a sweep, loses nothing and repeats nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
import torch
from mlflow import MlflowClient

import trainables
from search_spaces.stores.study_storage import open_storage
from tests.conftest import ONE_STUDY, FrontDoor, wait_until
from trainables import TrialSpec
from trainables.training.training_run import Training, open_training

pytestmark = pytest.mark.cluster

TRIALS, SEEDS, EPOCHS = 5, (1, 2), 120
SETTINGS = [
    "--set", f"search.trials={TRIALS}", "--set", f"confirm.seeds={list(SEEDS)}", "--set", f"workload.epochs={EPOCHS}",
    "--set", "scheduler.grace=10",
]  # fmt: skip


def records(runs: Path, role: str) -> list[dict]:
    """The records of one role, read whole; a trial that has not reached a decision has none."""
    pattern = "*/confirm/*/record.json" if role == "confirm" else "*/[0-9]*/record.json"
    return [json.loads(path.read_text()) for path in (runs / "quickstart" / "trials").glob(pattern)]


def ended(runs: Path, role: str) -> int:
    return sum("outcome" in record for record in records(runs, role))


def in_mid_trial(runs: Path, session: int) -> bool:
    """Whether a trial of this driver is past its first decision and before its end."""
    return any((runs / "quickstart" / "trials").glob(f"**/*.session-{session}.pt"))


def retrain(spec: TrialSpec, cache: str, epochs: int) -> Training:
    os.environ["ADAMANT_CACHE"] = cache
    torch.set_num_threads(1)
    data = trainables.get(spec.workload).load_data(Path(), spec.options)
    training = open_training(spec, data, torch.device("cpu"))
    training.advance(epochs * training.steps_per_epoch)
    return training


@pytest.mark.slow
def test_a_driver_killed_five_times_loses_and_repeats_nothing(front_door: FrontDoor) -> None:
    runs = front_door.runs
    moments = [
        ("the first checkpoint of a trial", lambda: in_mid_trial(runs, 1)),
        ("the middle of the search", lambda: len(records(runs, "trial")) >= 4 and in_mid_trial(runs, 2)),
        ("the search nearly done", lambda: len(records(runs, "trial")) >= 8 and in_mid_trial(runs, 3)),
        ("the first confirmation", lambda: ended(runs, "confirm") >= 1),
        ("two confirmations", lambda: ended(runs, "confirm") >= 2),
    ]
    command = ["run", "quickstart", *ONE_STUDY, *SETTINGS]
    for what, reached in moments:
        driver = front_door.start(*command)
        wait_until(lambda driver=driver, reached=reached: reached() or driver.poll() is not None, 120, what)
        assert driver.poll() is None, f"the driver ended before it could be killed at: {what}\n{driver.communicate()}"
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        command = ["resume", "quickstart"]
    last = front_door(*command)
    assert last.returncode == 0, last.stderr
    assert "confirmed on 2 seeds" in last.stdout

    storage = open_storage(str(runs / "study.journal"))
    for arm in ("adam", "scheduled"):
        study = optuna.load_study(study_name=f"quickstart/{arm}", storage=storage)
        search = study.trials
        assert Counter(trial.state.name for trial in search).keys() <= {"COMPLETE", "PRUNED"}
        assert len(search) == TRIALS
        assert len({json.dumps(trial.params, sort_keys=True) for trial in search}) == TRIALS
        confirmations = [run for key, run in study.user_attrs.items() if key.startswith("confirm/")]
        assert sorted(run["seed"] for run in confirmations) == list(SEEDS)
        assert {run["status"] for run in confirmations} == {"finished"}

    client = MlflowClient(front_door.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    logged = list(client.search_runs([experiment.experiment_id], max_results=1000))
    assert not [run for run in logged if run.info.status == "RUNNING"]
    names = Counter(run.data.tags["trial.id"] for run in logged)
    assert set(names.values()) == {1}
    assert len(names) == 2 * (TRIALS + len(SEEDS)) + 1
    for run in logged:
        if run.data.tags["sweep.role"] != "summary":
            folder = runs / "quickstart" / "trials" / run.data.tags["trial.id"]
            record = json.loads((folder / "record.json").read_text())
            history = client.get_metric_history(run.info.run_id, "val/loss")
            recorded = [(point["step"], point["val/loss"]) for point in record["curve"]]
            # One that was stopped may have trained on before that was known.
            assert [(point.step, point.value) for point in history] == recorded[: len(history)]
            if run.data.tags["status.reason"] == "finished":
                assert len(history) == len(recorded) == EPOCHS

    # What the table is made of equals what an uninterrupted run of the same specs gives, to the last bit.
    for record in records(runs, "confirm"):
        again = retrain(TrialSpec.from_dict(record["spec"]), front_door.environment["ADAMANT_CACHE"], EPOCHS)
        assert again.weights_sha256() == record["outcome"]["weights_sha256"]
        assert again.test_metrics() == record["outcome"]["test"]


@pytest.mark.alone
@pytest.mark.parametrize("when", ["while it starts", "in the middle of a trial"])
def test_ctrl_c_ends_within_five_seconds_and_says_how_to_go_on(front_door: FrontDoor, when: str) -> None:
    driver = front_door.start("run", "quickstart", *ONE_STUDY, *SETTINGS)
    early = when == "while it starts"
    assert driver.stdout is not None
    for line in driver.stdout:
        if line.startswith("Starting Ray"):
            break
    if not early:
        wait_until(lambda: in_mid_trial(front_door.runs, 1), 120, when)
    before = time.monotonic()
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to Ray's processes as well
    out, err = driver.communicate(timeout=30)
    assert time.monotonic() - before < 5
    assert driver.returncode == 130, err
    assert "Go on with: adamant resume quickstart" in out
    assert "Traceback" not in err
    if early:
        return
    client = MlflowClient(front_door.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    statuses = {run.info.status for run in client.search_runs([experiment.experiment_id])}
    assert "RUNNING" not in statuses
