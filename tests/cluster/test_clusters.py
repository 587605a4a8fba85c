"""A real cluster by SSH on machines of their own: up, a sweep from outside over both nodes, down without a trace."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from cluster.launch.cluster_file import load_cluster
from cluster.launch.clusters import forwarded
from cluster.services._postgres import program
from optimizers import InputError
from tests.cluster.machines import Lab, skip_unless_possible
from tests.cluster.test_jobs import free_ports
from tests.conftest import ONE_STUDY, FrontDoor, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

DESCRIPTION = """\
name: lab
provider: local
head_ip: {head}
worker_ips: [{workers}]
ssh_user: root
ssh_key: {key}
environment: {environment}
storage: {{mount: {shared}, artifacts: {shared}/artifacts}}
services: {services}
"""
SWEEP = ["search.trials=4", "confirm.seeds=[1,2]", "workload.epochs=8", "scheduler={type: none}"]


@pytest.fixture
def lab() -> Iterator[Lab]:
    skip_unless_possible()
    work = Path(tempfile.mkdtemp())
    work.chmod(0o755)
    machines = Lab(work, 3)
    try:
        machines.boot()
        yield machines
    finally:
        machines.switch_off()
        shutil.rmtree(work, ignore_errors=True)


def has_postgres() -> bool:
    try:
        return bool(program("postgres"))
    except InputError:
        return False


def test_a_cluster_comes_up_runs_a_sweep_on_both_workers_and_leaves_nothing(front_door: FrontDoor, lab: Lab) -> None:
    head, *workers = lab.machines
    shared = lab.key.parent / "shared"
    shared.mkdir()
    file = front_door.folder / "lab.yaml"
    file.write_text(
        DESCRIPTION.format(
            head=head.address,
            workers=", ".join(worker.address for worker in workers),
            key=lab.key,
            environment=sys.prefix,
            shared=shared,
            services=str(has_postgres()).lower(),
        )
    )
    front_door.environment.pop("RAY_AUTH_TOKEN_PATH")
    checked = front_door("cluster", "check", str(file))
    assert checked.returncode == 0, checked.stderr
    started = front_door("cluster", "up", str(file))
    assert started.returncode == 0, started.stdout + started.stderr
    overrides = [part for setting in SWEEP for part in ("--set", setting)]
    submitted = front_door("cluster", "submit", "quickstart", *ONE_STUDY, "--cluster", str(file), *overrides)
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    assert "Search runs: http://127.0.0.1:5000/#/experiments/" in submitted.stdout or not has_postgres()
    again = front_door("cluster", "up", str(file))
    assert again.returncode == 2, "it would start Ray anew, and the job would be gone"
    assert "lab is up and runs quickstart; stop that first" in again.stderr
    told: list[str] = []

    def usage_is_told() -> bool:
        """Ray counts every few seconds, for the first time a while after it has started."""
        told.append(front_door("cluster", "status", "quickstart", "--cluster", str(file)).stdout)
        return "of 2 used" in told[-1]

    wait_until(usage_is_told, 90, "what is in use")
    rows = [line.split() for line in told[-1].splitlines() if line.startswith("10.93.")]
    assert [row[1] for row in sorted(rows)] == ["head", "worker", "worker"], told[-1]
    followed = front_door("cluster", "logs", "quickstart", "-f", "--cluster", str(file))
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert "confirmed on 2 seeds" in followed.stdout
    status = front_door("cluster", "status", "quickstart", "--cluster", str(file))
    assert "adam       6/6 done" in status.stdout, status.stdout
    records = [json.loads(path.read_text()) for path in shared.glob("adamant-runs/quickstart/trials/**/record.json")]
    assert len(records) == 2 * (4 + 2)
    assert {record["node"] for record in records} == {worker.address for worker in workers}, "and none on the head"
    if has_postgres():
        assert_runs_are_in_mlflow(front_door, file, head.run("cat /root/.adamant/client.env"))
    stopped = front_door("cluster", "down", str(file))
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    for machine in lab.machines:
        left = [line for line in machine.run("ps -eo args").splitlines() if "ray" in line or "mlflow" in line]
        assert not left


def assert_runs_are_in_mlflow(door: FrontDoor, file: Path, client_file: str) -> None:
    """Through a tunnel, by who knows the password."""
    told = dict(line.split("=", 1) for line in client_file.splitlines())
    [port] = free_ports(1)
    with pytest.MonkeyPatch.context() as environment, forwarded(load_cluster(file), [5000], [port]):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
            assert answer.status == 200
        for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
            environment.setenv(name, told[name])
        client = MlflowClient(f"http://127.0.0.1:{port}")
        experiment = client.get_experiment_by_name("adamant/quickstart")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        assert len(runs) == 2 * (4 + 2) + 1
        assert {run.info.status for run in runs} == {"FINISHED"}
