"""A population on a real Ray session: what it finds is a schedule that anybody can train from its start."""

from __future__ import annotations

import json

import pytest
from mlflow import MlflowClient

from tests.conftest import FrontDoor

pytestmark = pytest.mark.cluster

SWEEP = """
name: found
workload: {name: mlp/digits, epochs: 6}
baseline: adam
arms:
  adam: {optimizer: adam}
  found: {optimizer: moment_adam}
search: {trials: 4}
scheduler: {type: pbt, grace: 2, eta: 2}
confirm: {seeds: [1, 2]}
"""


def test_a_discovered_schedule_replays_to_the_same_curve(shared_ray: FrontDoor) -> None:
    (shared_ray.folder / "found.yaml").write_text(SWEEP)
    ended = shared_ray("run", "found.yaml", "--json", "verdict.json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    arms = {arm["name"]: arm for arm in json.loads((shared_ray.folder / "verdict.json").read_text())["arms"]}
    assert arms["adam"]["search_steps"] == arms["found"]["search_steps"] == 4 * 6 * 40
    client = MlflowClient(shared_ray.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/found")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.arm = 'found'")
    assert {run.info.status for run in runs} == {"FINISHED"}
    members = [run for run in runs if run.data.tags["sweep.role"] == "trial"]
    assert len(members) == 4 * 3
    scheduled = [
        run
        for run in members
        if "optimizer.beta1_schedule.milestones" in run.data.params
        and len(client.get_metric_history(run.info.run_id, "val/loss")) == 6
    ]
    assert scheduled, "half of the members are exchanged twice, so some line has a schedule"
    replayed = shared_ray("replay", scheduled[0].info.run_id)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    confirmed = [run for run in runs if run.data.tags["sweep.role"] == "confirm"]
    best = next(run for run in members if run.data.tags["trial.id"] == confirmed[0].data.tags["confirm.of"])
    of_the_optimizer = [
        {name: value for name, value in run.data.params.items() if name.startswith("optimizer.")}
        for run in (best, *confirmed)
    ]
    assert of_the_optimizer[0] == of_the_optimizer[1] == of_the_optimizer[2]
    assert not list(shared_ray.runs.glob("found/trials/**/*.pt")), "no state is left behind"
    refused = shared_ray("run", "found", "--more", "2")
    assert refused.returncode == 2
    assert "found is a population whose members have ended together" in refused.stderr
