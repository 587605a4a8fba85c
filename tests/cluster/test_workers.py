"""Trials that several workers train: the same curves as one worker's, and a worker that is lost costs no trial."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress

import psutil
import pytest
from mlflow import MlflowClient

from tests.conftest import FrontDoor, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SWEEP = """\
name: {name}
workload: {{name: mlp/digits, epochs: {epochs}, batch_size: 64}}
baseline: adam
arms:
  adam: {{optimizer: adam, parameters: {{lr: {{distribution: log_uniform, min: 1e-3, max: 1e-2}}}}}}
search: {{method: random, trials: 2}}
confirm: {{seeds: [1]}}
resources: {{cpu: 1, workers: {workers}}}
"""


def write(door: FrontDoor, name: str, workers: int, epochs: int) -> str:
    (door.folder / f"{name}.yaml").write_text(SWEEP.format(name=name, workers=workers, epochs=epochs))
    return f"{name}.yaml"


def records(door: FrontDoor, name: str) -> dict[str, dict]:
    """Of each trial, by its id."""
    root = door.runs / name / "trials"
    return {
        str(path.parent.relative_to(root)): json.loads(path.read_text()) for path in sorted(root.rglob("record.json"))
    }


def test_a_sweep_of_two_workers_has_the_curves_of_one(shared_ray: FrontDoor) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        ended = shared_ray("run", write(shared_ray, name, workers, epochs=3))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "failed" not in ended.stdout
    one, two = records(shared_ray, "one"), records(shared_ray, "two")
    assert one.keys() == two.keys()
    assert len(one) == 3
    for trial, record in one.items():
        assert record["device"] == two[trial]["device"] == "cpu"
        assert len(record["curve"]) == len(two[trial]["curve"]) == 3
        for ours, theirs in zip(two[trial]["curve"], record["curve"], strict=True):
            assert {**ours, "timestamp": 0} == pytest.approx({**theirs, "timestamp": 0}, rel=1e-4, abs=1e-6)
    client = MlflowClient(shared_ray.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/two")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`sweep.role` = 'trial'")
    assert {(run.data.tags["workers"], run.data.tags["device"]) for run in runs} == {("2", "cpu")}


def followers_of(door: FrontDoor) -> list[psutil.Process]:
    """Processes of this front door's trials that are not the trial's own, told from others by their folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            named = "ray::Follower" in " ".join(process.cmdline())
            if named and process.environ().get("HOME") == door.environment["HOME"]:
                found.append(process)
    return found


def test_a_worker_that_is_killed_costs_no_trial(front_door: FrontDoor) -> None:
    driver = front_door.start(
        "run", write(front_door, "killed", 2, epochs=120), "--set", "scheduler={type: median, grace: 10}"
    )
    trials = front_door.runs / "killed" / "trials"
    wait_until(lambda: list(trials.rglob("checkpoints/*.pt")) or driver.poll() is not None, 120, "a checkpoint")
    assert driver.poll() is None
    (follower,) = followers_of(front_door)
    killed = time.time()
    follower.kill()
    out, err = driver.communicate(timeout=200)
    assert driver.returncode == 0, out + err
    assert time.time() - killed < 150
    assert "failed" not in out
    ended = records(front_door, "killed")
    assert Counter(record["outcome"]["status"] for record in ended.values()) == {"finished": 3}
    assert all(len(record["curve"]) == 120 for record in ended.values())
    # Of the trial that was hit, what came before the kill was not trained again.
    times = [[point["timestamp"] / 1000 for point in record["curve"]] for record in ended.values()]
    assert any(min(of_trial) < killed < max(of_trial) for of_trial in times)
