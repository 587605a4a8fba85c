"""Sweeps as jobs of a cluster: the client leaves, drivers are killed, jobs are stopped and submitted again."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
import psutil
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState

from search_spaces.stores.study_storage import open_storage
from tests.conftest import ONE_STUDY, FrontDoor, wait_until

pytestmark = pytest.mark.cluster

# One node, as the nodes of one machine would share the folder into which Ray puts a job's files.
HEAD = """
import sys
from ray.cluster_utils import Cluster
dashboard, agent = map(int, sys.argv[1:])
cluster = Cluster(initialize_head=True, head_node_args={
    "num_cpus": 2, "include_dashboard": True, "dashboard_host": "127.0.0.1", "dashboard_port": dashboard,
    "dashboard_agent_listen_port": agent,
})
print("ready", flush=True)
sys.stdin.read()
cluster.shutdown()
"""
TRIALS = 6
SMALL = [
    part
    for setting in (f"search.trials={TRIALS}", "confirm.seeds=[1,2]", "workload.epochs=60", "scheduler={type: none}")
    for part in ("--set", setting)
]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Head:
    door: FrontDoor
    process: subprocess.Popen[str]
    storage: Path

    def submit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.door(
            "cluster", "submit", "quickstart", *ONE_STUDY, *SMALL, "--storage", str(self.storage), *arguments
        )

    def drivers(self) -> list[psutil.Process]:
        """The drivers of sweeps, each below the job that keeps it."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                command = process.cmdline()
            except psutil.Error:
                continue
            if len(command) > 1 and command[1].endswith("adamant.py"):
                found.append(process)
        return found

    def ended(self) -> int:
        return len([path for path in self.storage.glob("quickstart/trials/*/*/record.json") if _has_ended(path)])

    def assert_nothing_lost_or_twice(self) -> None:
        storage = open_storage(str(self.storage / "study.journal"))
        client = MlflowClient(f"sqlite:///{self.storage / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("adamant/quickstart")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], "tags.`sweep.role` != 'summary'")
        assert {run.info.status for run in runs} <= {"FINISHED", "FAILED"}
        assert max(Counter(run.data.tags["trial.id"] for run in runs).values()) == 1
        assert len(runs) == 2 * (TRIALS + 2)
        for arm in ("adam", "scheduled"):
            trials = optuna.load_study(study_name=f"quickstart/{arm}", storage=storage).trials
            assert len([one for one in trials if one.state in (TrialState.COMPLETE, TrialState.PRUNED)]) == TRIALS


def _has_ended(path: Path) -> bool:
    try:
        return '"outcome"' in path.read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def head(front_door: FrontDoor) -> Iterator[Head]:
    dashboard, agent = free_ports(2)
    front_door.environment |= {
        "RAY_AUTH_MODE": "token",
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "120",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD, str(dashboard), str(agent)],
        env=front_door.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert "ready" in iter(process.stdout.readline, "").__next__()
    yield Head(front_door, process, front_door.folder / "shared")
    process.communicate("", timeout=60)


@pytest.mark.slow
def test_a_killed_driver_is_followed_by_another_while_nobody_looks(head: Head) -> None:
    submitted = head.submit()
    assert submitted.returncode == 0, submitted.stderr
    wait_until(lambda: head.ended() >= 2, 120, "two trials of the job")
    [driver] = head.drivers()
    driver.kill()
    again = head.submit()
    assert again.returncode == 2
    assert 'is running "quickstart" already' in again.stderr
    followed = head.door("cluster", "logs", "quickstart", "-f")
    assert followed.returncode == 0, followed.stdout
    assert "The driver died by SIGKILL; another one goes on." in followed.stdout
    assert "confirmed on 2 seeds" in followed.stdout
    head.assert_nothing_lost_or_twice()
    status = head.door("cluster", "status", "quickstart")
    assert "succeeded" in status.stdout
    assert "adam       8/8 done" in status.stdout
    assert "head" in status.stdout


@pytest.mark.slow
def test_a_stopped_job_is_gone_on_with_by_a_second_submit(head: Head) -> None:
    assert head.submit().returncode == 0
    wait_until(lambda: head.ended() >= 3, 120, "three trials of the job")
    stopped = head.door("cluster", "stop", "quickstart")
    assert "stopped. To go on with it, submit quickstart again" in stopped.stdout, stopped.stdout + stopped.stderr
    assert not head.drivers()
    before = head.ended()
    client = MlflowClient(f"sqlite:///{head.storage / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    assert "RUNNING" not in {run.info.status for run in client.search_runs([experiment.experiment_id])}
    other = head.submit("--set", "search.seed=9")
    assert other.returncode == 1
    assert "with another search.seed (0, not 9)" in other.stderr
    failed = head.door("cluster", "logs", "quickstart", "-f")
    assert failed.returncode == 1
    assert '"quickstart" is there already with another search.seed (0, not 9)' in failed.stdout
    assert head.submit().returncode == 0
    followed = head.door("cluster", "logs", "quickstart", "-f")
    assert followed.returncode == 0, followed.stdout
    head.assert_nothing_lost_or_twice()
    assert before < 2 * (TRIALS + 2)


@pytest.mark.slow
def test_a_job_adds_studies_until_it_is_decided(head: Head) -> None:
    """Of an arm with two studies, which is too few for a verdict, a round adds one more."""
    settings = ("search.studies=2", "search.trials=2", "workload.epochs=2", "metric.smallest_difference=90")
    overrides = [part for setting in settings for part in ("--set", setting)]
    submitted = head.submit(*overrides, "--until", "decided", "--at-most", "1h", "--most-studies", "3")
    assert submitted.returncode == 0, submitted.stderr
    followed = head.door("cluster", "logs", "quickstart", "-f")
    assert followed.returncode == 0, followed.stdout
    assert "3 studies" in followed.stdout


def test_what_is_wrong_is_said_before_anything_is_sent(head: Head) -> None:
    undecided = head.submit("--until", "decided")
    assert undecided.returncode == 2
    assert "--until decided judges arms by their studies" in undecided.stderr
    nowhere = head.door("cluster", "submit", "quickstart")
    assert nowhere.returncode == 2
    assert "--storage: name the folder that the cluster's nodes share" in nowhere.stderr
    bad = head.door("cluster", "submit", "quickstart", *ONE_STUDY, "--set", "search.trialz=3")
    assert bad.returncode == 2
    assert 'Did you mean "trials"' in bad.stderr
    unknown = head.door("cluster", "logs", "quikstart")
    assert unknown.returncode == 2
    assert 'no job runs "quikstart"; there is no job of a sweep' in unknown.stderr
    [closed] = free_ports(1)
    away = head.door("cluster", "status", "--address", f"http://127.0.0.1:{closed}")
    assert away.returncode == 2
    assert away.stderr.count("\n") == 1
    assert f"http://127.0.0.1:{closed}: no Ray cluster takes jobs there" in away.stderr
    head.door.environment["RAY_AUTH_TOKEN_PATH"] = str(head.door.folder / "other-token")
    (head.door.folder / "other-token").write_text(secrets.token_hex(32))
    refused = head.door("cluster", "status")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
