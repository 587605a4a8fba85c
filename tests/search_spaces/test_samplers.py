"""Every way to search gives new, valid configurations, goes on after a resume, and those that learn do learn."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest

from optimizers import InputError
from search_spaces import Sweep, parse_sweep
from search_spaces.arm_studies import ArmStudies
from search_spaces.methods import METHODS
from search_spaces.storage import open_storage
from search_spaces.study import Assignment, Outcome

SWEEP = """
name: sampled
workload: {name: mlp/digits, epochs: 9}
baseline: adam
arms: {adam: {optimizer: adam, parameters: {
  lr: {distribution: log_uniform, min: 1e-5, max: 1}, beta1: {distribution: uniform, min: 0, max: 0.99}}}}
search: {trials: 24}
confirm: {seeds: [1]}
"""


def sweep(**overrides: Any) -> Sweep:
    return parse_sweep(SWEEP, "sampled.yaml", [f"{key}={json.dumps(value)}" for key, value in overrides.items()])


def loss(assignment: Assignment) -> float:
    """Least, 0, at a learning rate of 1e-2 and a beta1 of 0.6."""
    values = assignment.hyperparameters
    return (math.log10(values["lr"]) + 2) ** 2 + (values["beta1"] - 0.6) ** 2


def search(of: Sweep, storage: Path, stop_after: int = 10_000) -> list[Assignment]:
    """Run the search of one driver, one after the other."""
    arm, ran = ArmStudies(open_storage(str(storage)), of, "adam"), []
    while len(ran) < stop_after and (assignment := arm.search.ask()) is not None:
        ran.append(assignment)
        arm.search.tell(assignment.number, Outcome("finished", 9, loss(assignment)))
    return ran


def keys(assignments: list[Assignment]) -> list[tuple[float, float]]:
    return [(one.hyperparameters["lr"], one.hyperparameters["beta1"]) for one in assignments]


@pytest.mark.parametrize("method", [*METHODS, "NSGAIIISampler", "BruteForceSampler"])
def test_every_method_gives_as_many_new_configurations_as_asked_also_after_a_resume(
    method: str, tmp_path: Path
) -> None:
    if method == "BruteForceSampler":
        choices = {"lr": {"values": [0.1, 0.01, 0.001]}, "beta1": {"values": [round(0.1 * n, 1) for n in range(9)]}}
        of = sweep(**{"search.method": method, "arms.adam.parameters": choices})
    else:
        of = sweep(**{"search.method": method, "search.points": 5, "search.trials": 25})
    first = search(of, tmp_path / "study.journal", stop_after=9)
    rest = search(of, tmp_path / "study.journal")
    assert len(first) == 9
    together = keys([*first, *rest])
    assert len(together) == len(set(together)) == of.search.trials
    assert all(1e-5 <= lr <= 1 and 0 <= beta1 <= 0.99 for lr, beta1 in together)


@pytest.mark.parametrize("method", ["tpe", "cmaes", "gp"])
def test_a_method_that_learns_comes_closer_than_random_draws(method: str, tmp_path: Path) -> None:
    def reached(by: str, seed: int) -> float:
        of = sweep(**{"search.method": by, "search.seed": seed, "search.trials": 40, "confirm.seeds": [99]})
        return min(map(loss, search(of, tmp_path / f"{by}-{seed}.journal")))

    learnt = sorted(reached(method, seed) for seed in range(5))
    drawn = sorted(reached("random", seed) for seed in range(5))
    assert learnt[2] < drawn[2]


def test_a_grid_is_every_combination_its_ends_included(tmp_path: Path) -> None:
    of = sweep(**{"search.method": "grid", "search.points": 3, "search.trials": 100})
    ran = search(of, tmp_path / "study.journal")
    assert sorted(keys(ran)) == [
        (pytest.approx(lr), pytest.approx(beta1)) for lr in (1e-5, 10**-2.5, 1) for beta1 in (0, 0.495, 0.99)
    ]
    assert ArmStudies(open_storage(str(tmp_path / "study.journal")), of, "adam").search.gave_up


def test_a_gaussian_process_is_left_before_it_becomes_slow(tmp_path: Path) -> None:
    of = sweep(**{"search.method": "gp", "search.trials": 130})
    arm, seconds = ArmStudies(open_storage(str(tmp_path / "study.journal")), of, "adam"), []
    while True:
        started = time.perf_counter()
        assignment = arm.search.ask()
        seconds.append(time.perf_counter() - started)
        if assignment is None:
            break
        arm.search.tell(assignment.number, Outcome("finished", 9, loss(assignment)))
    assert len(seconds) == 131
    assert sorted(seconds[102:130])[14] < 0.1
    assert max(seconds[20:100]) > sorted(seconds[102:130])[14]


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("tep", r'search.method: no method is called "tep".*Did you mean "tpe"'),
        ("NoSampler", r'no method is called "NoSampler"'),
        ("BaseSampler", r'no method is called "BaseSampler"'),
        ("GridSampler", r"GridSampler cannot be made without search_space"),
    ],
)
def test_unknown_methods_are_named(method: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sweep(**{"search.method": method})
