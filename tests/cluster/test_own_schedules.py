"""Schedules and samplers of a user's own in a sweep: looked at beforehand, killed, gone on with, and replayed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from cluster.planning.schedule_lengths import check_schedules
from optimizers import InputError, schedules
from search_spaces import Sweep, parse_sweep
from tests.conftest import FrontDoor, wait_until
from trainables.mlflow_contract import Tag

ASKED = """
name: lengths
workload: {name: mlp/digits, epochs: 4}
baseline: adam
arms:
  adam: {optimizer: adam, parameters: {lr: {value: 0.01}}}
  rising:
    optimizer: moment_adam
    parameters:
      lr: {value: 0.01}
      beta1: {distribution: uniform, min: 0.1, max: 0.5}
      beta1_schedule: {values: [constant, rising]}
      beta1_schedule.slope: {distribution: uniform, min: 0.001, max: 0.003, when: {beta1_schedule: rising}}
search: {trials: 2}
confirm: {seeds: [1]}
"""


@pytest.fixture(autouse=True)
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))

    @schedules.register
    def rising(base: float, step: int, slope: float) -> float:
        return base + slope * step

    @schedules.register
    def falling(epoch: int) -> float:
        return 1 - epoch / 4

    yield
    for name in ("rising", "falling"):
        schedules.KINDS.unregister(name)


def asked(**overrides: Any) -> Sweep:
    return parse_sweep(ASKED, "lengths.yaml", [f"{key}={json.dumps(value)}" for key, value in overrides.items()])


def test_schedules_are_looked_at_over_the_length_of_the_trials(tmp_path: Path) -> None:
    # 40 steps an epoch: at the ends of both ranges it reaches 1 at step 167, after the end of a trial.
    check_schedules(asked(), tmp_path)
    with pytest.raises(InputError) as error:
        check_schedules(asked(**{"workload.epochs": 5}), tmp_path)
    assert str(error.value) == (
        "lengths.yaml:12: arms.rising.parameters.beta1_schedule: moment_adam: beta1_schedule (rising) gives 1.001 at "
        "step 167; every value must be in [0, 1)."
    )
    check_schedules(asked(**{"workload.training.lr_schedule": "falling"}), tmp_path)
    with pytest.raises(InputError, match=r"workload\.training\.lr_schedule: training: .* gives -0\.25 at epoch 5;"):
        check_schedules(asked(**{"workload.training.lr_schedule": "falling", "workload.epochs": 5}), tmp_path)


MINE = """
import math

from optuna.samplers import TPESampler


def rise(base, step, total, tau=100.0):
    return base * (1 - math.exp(-step / tau)) * (1 - 0.1 * step / total)


def root(step, total, hold=0.2):
    return min(1.0, (hold * total / step) ** 0.5)


def by_epoch(epoch, total):
    return 1 - 0.5 * epoch / total


class Narrow(TPESampler):
    def __init__(self, seed=None, startup=3):
        super().__init__(seed=seed, n_startup_trials=startup, multivariate=True)
"""
SWEEP = """
name: own
uses: [mine.py]
workload: {name: mlp/digits, epochs: 3, training: {lr_schedule: {kind: "mine:root", hold: 0.3}}}
baseline: adam
arms:
  adam: {optimizer: adam, space: [lr]}
  own:
    optimizer: moment_adam
    space: [lr]
    parameters:
      beta1_schedule: {value: "mine:rise"}
      beta1_schedule.tau: {distribution: log_uniform, min: 1, max: 1000}
      training.lr_schedule: {values: ["mine:root", "mine:by_epoch"]}
      training.lr_schedule.hold:
        {distribution: uniform, min: 0.1, max: 0.9, when: {training.lr_schedule: "mine:root"}}
search: {method: "mine:Narrow", arguments: {startup: 2}, trials: 4}
confirm: {seeds: [1]}
"""


def ran(door: FrontDoor, storage: str) -> dict[str, tuple[str, str]]:
    """Of each run that has ended its spec and the digest of its weights, by trial id."""
    path = door.folder / storage / "mlflow.db"
    if not path.exists():
        return {}
    client = MlflowClient(f"sqlite:///{path}")
    experiments = client.search_experiments(filter_string="name = 'adamant/own'")
    runs = client.search_runs([one.experiment_id for one in experiments]) if experiments else []
    tags = [run.data.tags for run in runs if Tag.WEIGHTS_SHA256 in run.data.tags]
    return {one[Tag.TRIAL_ID]: (one[Tag.TRIAL_SPEC], one[Tag.WEIGHTS_SHA256]) for one in tags}


@pytest.mark.cluster
@pytest.mark.slow
def test_a_sweep_of_own_schedules_and_an_own_sampler_is_the_same_after_it_was_killed(front_door: FrontDoor) -> None:
    (front_door.folder / "mine.py").write_text(MINE, encoding="utf-8")
    (front_door.folder / "own.yaml").write_text(SWEEP, encoding="utf-8")
    # One trial at a time, so that a sampler meets the same study each time.
    one_by_one = ("--set", "resources.cpu=2")
    whole = front_door("run", "own.yaml", *one_by_one, "--storage", "whole")
    assert whole.returncode == 0, whole.stderr

    driver = front_door.start("run", "own.yaml", *one_by_one, "--storage", "killed")
    wait_until(lambda: len(ran(front_door, "killed")) >= 3, 240, "three runs that have ended")
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    gone_on = front_door("resume", "own", "--storage", "killed")
    assert gone_on.returncode == 0, gone_on.stderr
    assert len(ran(front_door, "whole")) == 10
    assert ran(front_door, "killed") == ran(front_door, "whole")


@pytest.mark.cluster
@pytest.mark.slow
def test_a_run_of_an_own_schedule_is_replayed_from_the_code_that_the_sweep_keeps(shared_ray: FrontDoor) -> None:
    original = shared_ray.folder / "mine.py"
    original.write_text(MINE, encoding="utf-8")
    (shared_ray.folder / "own.yaml").write_text(SWEEP, encoding="utf-8")
    ended = shared_ray("run", "own.yaml", "--set", "search.trials=2")
    assert ended.returncode == 0, ended.stderr
    original.unlink()
    client = MlflowClient(shared_ray.tracking_uri)
    [experiment] = client.search_experiments(filter_string="name = 'adamant/own'")
    [run] = client.search_runs([experiment.experiment_id], f"tags.`{Tag.TRIAL_ID}` = 'own/confirm/0'")
    repeated = shared_ray("replay", run.info.run_id)
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    assert "agree to the last digit" in repeated.stdout
