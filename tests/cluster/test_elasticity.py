"""Nodes with pretended GPUs that come and go: trials spread evenly, none is lost or run twice, and waiting is told."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from cluster.ray.waiting import reason_to_wait
from search_spaces.schema.resources import Resources
from tests.conftest import ONE_STUDY, FrontDoor, wait_until

# It does what is written to it: kill a worker node's raylet as a power cut would, add a node, tell the GPUs in use.
NODES = """
import os, signal, sys, json
import ray
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
workers = [cluster.add_node(num_cpus=2, num_gpus=1) for _ in range(int(sys.argv[1]))]
print(cluster.address, flush=True)
ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
for line in sys.stdin:
    if line == "kill\\n":
        os.kill(workers.pop().all_processes["raylet"][0].process.pid, signal.SIGKILL)
        print("killed", flush=True)
    elif line == "add\\n":
        workers.append(cluster.add_node(num_cpus=2, num_gpus=1))
        print("added", flush=True)
    elif line == "use\\n":
        free = ray._private.state.available_resources_per_node()
        alive = [n for n in ray.nodes() if n["Alive"] and n["Resources"].get("GPU")]
        print(json.dumps([1 - free.get(n["NodeID"], {}).get("GPU", 0) for n in alive]), flush=True)
cluster.shutdown()
"""
TRIALS, CHECKPOINT_S, ORPHANS_S = 12, 1.0, 4.0


class Nodes:
    def __init__(self, door: FrontDoor, count: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NODES, str(count)],
            env=door.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._read(lambda line: line.count(":") == 1)

    def tell(self, what: str) -> str:
        assert self._process.stdin is not None
        print(what, file=self._process.stdin, flush=True)
        return self._read(bool)

    def _read(self, wanted) -> str:
        assert self._process.stdout is not None
        return next(line.strip() for line in self._process.stdout if wanted(line.strip()))

    def stop(self) -> None:
        self._process.communicate("", timeout=60)


@pytest.fixture
def three_nodes(front_door: FrontDoor) -> Iterator[Nodes]:
    nodes = Nodes(front_door, 3)
    yield nodes
    nodes.stop()


def checkpoints(trials: Path) -> dict[str, float]:
    """Of each trial that has not ended the time of its last checkpoint."""
    found: dict[str, float] = {}
    for path in trials.glob("**/*.pt"):
        try:
            found[str(path.parent)] = max(found.get(str(path.parent), 0.0), path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return found


@pytest.mark.cluster
@pytest.mark.alone
def test_a_node_killed_and_a_node_added_cost_no_trial_and_little_work(
    front_door: FrontDoor, three_nodes: Nodes
) -> None:
    settings = [f"search.trials={TRIALS}", "confirm.seeds=[1]", "workload.epochs=100", "scheduler={type: none}"]
    settings.append(f"resources={{cpu: 1, gpu: 0.5, checkpoint_seconds: {CHECKPOINT_S}}}")
    overrides = [part for setting in settings for part in ("--set", setting)]
    driver = front_door.start("run", "quickstart", *ONE_STUDY, *overrides, "--address", three_nodes.address)
    trials = front_door.runs / "quickstart" / "trials"
    used: list[list[float]] = []

    def all_places_taken() -> bool:
        assert driver.poll() is None, driver.communicate()
        used.append(json.loads(three_nodes.tell("use")))
        return len(checkpoints(trials)) >= 6

    wait_until(all_places_taken, 180, "six trials with checkpoints")
    assert used[-1] == [1.0, 1.0, 1.0], "two trials on each of three nodes"
    # In the middle between two checkpoints, so that there is something to lose.
    wait_until(lambda: time.time() - max(checkpoints(trials).values()) > CHECKPOINT_S / 2, 60, "a moment without any")
    before = checkpoints(trials)
    three_nodes.tell("kill")
    killed = time.time()
    lost = {trial: killed - saved for trial, saved in before.items()}
    three_nodes.tell("add")

    def everything_moves_again() -> bool:
        now = checkpoints(trials)
        ended = {str(path.parent) for path in trials.glob("**/record.json") if '"outcome"' in path.read_text()}
        # Processes of a dead node live on for a moment, and write.
        return all(trial in ended or now.get(trial, 0.0) > killed + ORPHANS_S for trial in before)

    wait_until(everything_moves_again, 180, "the trials of the lost node to go on")
    recovered = time.time() - killed
    out, err = driver.communicate(timeout=400)
    assert driver.returncode == 0, out + err
    client = MlflowClient(front_door.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`sweep.role` != 'summary'")
    assert Counter(run.data.tags["trial.id"] for run in runs) == Counter(
        [f"{arm}/{n}" for arm in ("adam", "scheduled") for n in range(TRIALS)]
        + [f"{arm}/confirm/0" for arm in ("adam", "scheduled")]
    )
    assert {run.info.status for run in runs} <= {"FINISHED", "FAILED"}, "FAILED is what diverged"
    assert "failed" not in out.partition("Trials:")[2]
    # Six trials share two cores, so a checkpoint can come late by what a hundred steps take then.
    assert max(lost.values()) < CHECKPOINT_S + 6, lost
    assert recovered < 90
    print(f"lost at most {max(lost.values()):.1f} s of work; all go on after {recovered:.0f} s")  # noqa: T201


@pytest.mark.cluster
@pytest.mark.alone
def test_trials_that_wait_for_a_node_say_so_and_go_on_when_it_joins(front_door: FrontDoor) -> None:
    nodes = Nodes(front_door, 0)
    settings = ["search.trials=2", "confirm.seeds=[1]", "workload.epochs=5", "resources.gpu=0.5"]
    overrides = [part for setting in settings for part in ("--set", setting)]
    try:
        driver = front_door.start("run", "quickstart", *ONE_STUDY, *overrides, "--address", nodes.address)
        time_limit = time.monotonic() + 120
        told = ""
        assert driver.stdout is not None
        while "trials wait" not in told:
            assert time.monotonic() < time_limit
            told += driver.stdout.readline()
        assert "one takes 1 core and 0.5 GPU, and of 1 node the largest has 0 cores and 0 GPUs" in told
        nodes.tell("add")
        out, err = driver.communicate(timeout=200)
        assert driver.returncode == 0, out + err
    finally:
        nodes.stop()


def test_what_the_sweeps_own_processes_hold_while_they_start_is_no_other_work() -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 4.0}}]
    assert reason_to_wait(nodes, {"CPU": 0.0}, Resources(), starting=True) is None
    assert reason_to_wait(nodes, {"CPU": 0.0}, Resources(), starting=False) is not None
    assert "the largest has 4 cores" in (reason_to_wait(nodes, {"CPU": 0.0}, Resources(cpu=9), starting=True) or "")


@pytest.mark.parametrize(
    ("resources", "free", "reason"),
    [
        (Resources(cpu=2), {"CPU": 3.0}, None),
        (Resources(cpu=2), {"CPU": 1.0}, "one takes 2 cores, and other work leaves 1 cores and 0 GPUs free"),
        (Resources(cpu=9), {"CPU": 4.0}, "one takes 9 cores, and of 2 nodes the largest has 4 cores and 1 GPUs"),
        (Resources(gpu=1, workers=2), {"CPU": 8.0, "GPU": 1.0}, "one takes 2 times 1 core and 1 GPU, and other work"),
        (Resources(gpu=1, accelerator="A100"), {}, "one takes 1 core and 1 GPU of the kind A100, and of 2 nodes"),
    ],
)
def test_why_trials_wait(resources: Resources, free: dict[str, float], reason: str | None) -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}}] * 2
    nodes.append({"Alive": False, "Resources": {"CPU": 64.0}})
    told = reason_to_wait(nodes, free, resources)
    assert told == reason if told is None or reason is None else told.startswith(reason)
