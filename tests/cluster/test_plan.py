"""A plan tells what a sweep will take: counts exactly, pruning as it is to be expected, times from a probe."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.planning.designs import detection
from cluster.planning.plan import Probe, make_plan
from cluster.planning.planned import rows, totals
from search_spaces import Sweep, load_sweep
from tests.conftest import ONE_STUDY, REPOSITORY, CommandLine, FrontDoor, new_environment


def sweep(*overrides: str) -> Sweep:
    return load_sweep("quickstart", [*ONE_STUDY[1::2], "workload.epochs=9", "search.trials=12", *overrides])


def test_without_pruning_everything_is_counted() -> None:
    plan = make_plan(sweep("scheduler={type: none}"), {"": 40}, slots=2)
    for arm in plan.arms:
        assert (arm.trials, arm.confirmations, arm.search_epochs, arm.confirm_epochs) == (12, 5, 12 * 9, 5 * 9)
        assert arm.steps == (12 * 9 + 5 * 9) * 40
        assert arm.search_steps == 12 * 9 * 40
    assert plan.wall_s is None
    assert "--probe" in totals(plan, sweep(), None)[-1]


def test_asha_is_expected_to_prune_as_it_does() -> None:
    plan = make_plan(sweep("scheduler={type: asha, grace: 1, eta: 3}", "search.trials=81"), {"": 40}, slots=1)
    # Successive halving would take 81 + 27 * 2 + 9 * 6 epochs; asynchronously some more go on.
    assert 189 < plan.arms[0].search_epochs < 1.6 * 189
    assert "pruned" in rows(plan)[0]["epochs of the search"]


def test_a_population_and_an_arm_beside_it_take_the_same() -> None:
    plan = make_plan(
        sweep("scheduler={type: pbt, grace: 2, eta: 3}", "arms.scheduled.space=[lr, adam]"), {"": 40}, slots=2
    )
    assert {(arm.search_epochs, arm.most_epochs) for arm in plan.arms} == {(12 * 9, 12 * 9)}


def test_times_follow_from_the_probe() -> None:
    probed = {
        name: Probe(step_s=0.01, evaluation_s=0.1, checkpoint_bytes=10**6, metrics=10) for name in ("adam", "scheduled")
    }
    of = sweep("scheduler={type: none}", "resources.cpu=1")
    plan = make_plan(of, {"": 40}, slots=2, probed=probed)
    epochs = 2 * (12 + 5) * 9
    assert plan.cpu_hours is not None
    assert plan.cpu_hours == pytest.approx((epochs * (40 * 0.01 + 0.1) + 34 * 0.15) / 3600)
    assert plan.wall_s is not None
    assert epochs * 0.5 / 2 < plan.wall_s - 13 < epochs * 0.5 / 2 * 1.2
    assert plan.disk_bytes is not None
    assert plan.disk_bytes > 6 * 10**6
    assert f"At 2 an hour of a core: {2 * plan.cpu_hours:.2f}." in totals(plan, of, 2.0)


def test_designs_cost_what_a_plan_of_them_says() -> None:
    probed = {
        name: Probe(step_s=0.01, evaluation_s=0.1, checkpoint_bytes=10**6, metrics=10) for name in ("adam", "scheduled")
    }
    few, many = "search.studies=2", ("search.studies=6", "confirm.seeds=[1, 2, 3, 4, 5, 6, 7]")
    of, whole = sweep("scheduler={type: none}", few), sweep("scheduler={type: none}", *many)
    plan = make_plan(of, {"": 40}, slots=2, probed=probed)
    found = detection(0.5, "earlier", [(12, 1), (6, 7)], plan, of)
    expected = make_plan(whole, {"": 40}, slots=2, probed=probed)
    cost = found.costs[1]
    assert cost.epochs == sum(arm.search_epochs + arm.confirm_epochs for arm in expected.arms)
    assert cost.steps == sum(arm.steps or 0 for arm in expected.arms)
    assert cost.wall_s == pytest.approx(expected.wall_s, rel=0.03)
    assert found.cheapest is cost
    assert found.command("my.yaml").endswith(
        "run my.yaml --set search.studies=6 --set 'confirm.seeds=[1, 2, 3, 4, 5, 6, 7]'"
    )
    assert [row[""] for row in found.rows()] == ["", "cheapest"]
    assert found.to_json()["designs"][0]["studies"] == 12
    assert "more than 100,000 studies" in detection(0.5, "earlier", [], plan, of).question


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--detect", "0"], "--detect 0.0: must be a finite number greater than 0"),
        (["--from", "earlier"], "--from names the sweep whose noise --detect counts with"),
        (["--detect", "0.3", "--from", "earlier"], "no runs here yet"),
    ],
)
def test_a_difference_is_detected_by_the_noise_of_a_sweep_that_has_run(
    command_line: CommandLine, arguments: list[str], message: str
) -> None:
    refused = command_line("plan", "quickstart", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr


def test_a_plan_without_a_probe_loads_neither_torch_nor_ray(tmp_path: Path) -> None:
    program = (
        "import sys; from adamant import app; app(['plan', 'quickstart'], standalone_mode=False); "
        "print('loaded:', {'torch', 'ray', 'mlflow'} & {*sys.modules})"
    )
    asked: Any = {"cwd": tmp_path, "env": {**new_environment(tmp_path), "PYTHONPATH": str(REPOSITORY)}}
    planned = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, **asked)
    assert planned.returncode == 0, planned.stderr
    assert "5,376" in planned.stdout, "its steps are counted"
    assert "loaded: set()" in planned.stdout


@pytest.mark.cluster
@pytest.mark.slow
def test_the_front_door_plans_with_a_probe(front_door: FrontDoor) -> None:
    ended = front_door(
        "plan", "quickstart", *ONE_STUDY, "--probe", "--json", "--set", "search.trials=2", "--set", "workload.epochs=5"
    )
    assert ended.returncode == 0, ended.stderr
    plan = json.loads(ended.stdout)
    assert plan["wall_s"] > 10
    assert [arm["name"] for arm in plan["arms"]] == ["adam", "scheduled"]
    assert plan["arms"][0]["steps_per_epoch"] == 40
    assert 0 < plan["arms"][0]["seconds"] < 60
    assert not front_door.runs.exists(), "nothing was started"
    without_data = front_door("plan", "mnist-memory", "--size", "small")
    assert without_data.returncode == 0, without_data.stderr
    assert "Times are told with --probe" in without_data.stdout
