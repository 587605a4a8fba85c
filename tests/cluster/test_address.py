"""The same sweep on a Ray cluster that is already up, here one of two nodes on this machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ONE_STUDY, FrontDoor

pytestmark = pytest.mark.cluster

TWO_NODES = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.mark.slow
def test_a_sweep_runs_on_the_nodes_of_a_running_cluster(front_door: FrontDoor) -> None:
    nodes = subprocess.Popen(
        [sys.executable, "-c", TWO_NODES],
        env=front_door.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert nodes.stdout is not None
        address = next(line.strip() for line in nodes.stdout if line.strip().count(":") == 1)
        settings = ["search.trials=3", "confirm.seeds=[1]", "workload.epochs=8", "scheduler={type: none}"]
        overrides = [part for setting in settings for part in ("--set", setting)]
        ended = front_door("run", "quickstart", *ONE_STUDY, "--address", address, *overrides)
        assert ended.returncode == 0, ended.stderr
        assert "Too few seeds to tell" in ended.stdout
    finally:
        nodes.communicate("", timeout=60)
