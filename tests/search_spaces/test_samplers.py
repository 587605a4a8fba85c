"""Every way to search gives new, valid configurations, goes on after a resume, and those that learn do learn."""

from __future__ import annotations

import inspect
import json
import math
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna import samplers
from optuna._transform import _SearchSpaceTransform
from optuna.storages.journal._storage import JournalOperation

from optimizers import InputError
from search_spaces import Sweep, parse_sweep
from search_spaces.schema.methods import METHODS
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.samplers import CmaEs
from tests.conftest import slow
from trainables.mlflow_contract import Status

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
        arm.search.hear(assignment.number, {}, Outcome(Status.FINISHED, 9, loss(assignment)))
    return ran


def keys(assignments: list[Assignment]) -> list[tuple[float, float]]:
    return [(one.hyperparameters["lr"], one.hyperparameters["beta1"]) for one in assignments]


@pytest.mark.parametrize(
    "method",
    [slow(name) if name == "gp" else name for name in (*METHODS.names(), "NSGAIIISampler", "BruteForceSampler")],
)
def test_every_method_gives_as_many_new_configurations_as_asked_and_after_a_resume_the_same_ones(
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
    assert together == keys(search(of, tmp_path / "uninterrupted.journal"))


@pytest.mark.parametrize("method", ["tpe", "cmaes", slow("gp")])
def test_a_method_that_learns_comes_closer_than_random_draws(method: str, tmp_path: Path) -> None:
    def reached(by: str, seed: int) -> float:
        of = sweep(**{"search.method": by, "search.seed": seed, "search.trials": 40, "confirm.seeds": [99]})
        return min(map(loss, search(of, tmp_path / f"{by}-{seed}.journal")))

    learnt = sorted(reached(method, seed) for seed in range(5))
    drawn = sorted(reached("random", seed) for seed in range(5))
    assert learnt[2] < drawn[2]


class Planted:
    """Leaves a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("method", ["cmaes", "CmaEsSampler"])
def test_a_pickle_that_somebody_has_put_into_the_study_is_not_read(method: str, tmp_path: Path) -> None:
    of = sweep(**{"search.method": method})
    first = search(of, tmp_path / "study.journal", stop_after=12)
    planted = pickle.dumps(Planted(tmp_path / "ran"))
    pickle.loads(planted)
    (tmp_path / "ran").unlink()
    lines = [json.loads(line) for line in (tmp_path / "study.journal").read_text().splitlines()]
    drawn = [line for line in lines if line["op_code"] == JournalOperation.CREATE_TRIAL.value]
    assert len(drawn) == len(first)
    assert not [key for line in drawn for key in line["system_attrs"] if "optimizer" in key]
    for line in drawn:
        line["system_attrs"]["cma:optimizer:0"] = planted.hex()
        del line["digest"]  # an older version wrote none
    (tmp_path / "study.journal").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    rest = search(of, tmp_path / "study.journal")
    assert not (tmp_path / "ran").exists()
    assert keys([*first, *rest]) == keys(search(of, tmp_path / "untouched.journal"))


@pytest.mark.parametrize(
    "arguments",
    [{}, {"use_separable_cma": True}, {"with_margin": True}, {"lr_adapt": True}, {"consider_pruned_trials": True}],
    ids=lambda given: next(iter(given), "plain"),
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_trials_give_the_distribution_that_optunas_own_keeps(arguments: dict[str, Any]) -> None:
    study = optuna.create_study()
    for number in range(31):
        study.sampler = samplers.CmaEsSampler(seed=number, warn_independent_sampling=False, **arguments)
        trial = study.ask()
        x, y = trial.suggest_float("x", -1, 1), trial.suggest_int("y", 1, 9)
        if number == 30:  # of whole generations it keeps the last one when it draws the next trial
            break
        if number % 5 == 4:
            trial.report(x * x + y, 1)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, x * x + y)
    ours = CmaEs(seed=0, **arguments)
    drawn, space = ours._get_trials(study), ours.infer_relative_search_space(study, study.trials[-1])
    kept: Any = samplers.CmaEsSampler(**arguments)._restore_optimizer([*drawn, study.trials[-1]])
    assert ours._restore_optimizer(drawn) is None
    whole_numbers_by_optuna = not arguments.get("with_margin")
    trans = _SearchSpaceTransform(space, transform_step=whole_numbers_by_optuna, transform_0_1=True)
    rebuilt = ours._init_optimizer(trans, study.direction)
    assert rebuilt.generation == kept.generation >= 3
    # Optuna's own rounds off half of the covariance each time that it is kept.
    for name in ("_mean", "_sigma", "_C"):
        here, there = (getattr(getattr(one, "_cma", one), name) for one in (rebuilt, kept))
        assert np.allclose(here, there, rtol=1e-9, atol=0)


def test_a_grid_is_every_combination_its_ends_included(tmp_path: Path) -> None:
    of = sweep(**{"search.method": "grid", "search.points": 3, "search.trials": 100})
    ran = search(of, tmp_path / "study.journal")
    assert sorted(keys(ran)) == [
        (pytest.approx(lr), pytest.approx(beta1)) for lr in (1e-5, 10**-2.5, 1) for beta1 in (0, 0.495, 0.99)
    ]
    assert ArmStudies(open_storage(str(tmp_path / "study.journal")), of, "adam").search.gave_up


@pytest.mark.alone
def test_a_gaussian_process_is_left_before_it_becomes_slow(tmp_path: Path) -> None:
    of = sweep(**{"search.method": "gp", "search.trials": 130})
    arm, seconds = ArmStudies(open_storage(str(tmp_path / "study.journal")), of, "adam"), []
    while True:
        started = time.perf_counter()
        assignment = arm.search.ask()
        seconds.append(time.perf_counter() - started)
        if assignment is None:
            break
        arm.search.hear(assignment.number, {}, Outcome(Status.FINISHED, 9, loss(assignment)))
    assert len(seconds) == 131
    assert sorted(seconds[102:130])[14] < 0.1
    assert max(seconds[20:100]) > sorted(seconds[102:130])[14]


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("tep", r'search.method: no method is called "tep".*Did you mean "tpe"'),
        ("NoSampler", r'no method is called "NoSampler"'),
        ("BaseSampler", r'no method is called "BaseSampler"'),
        ("GridSampler", r"GridSampler needs a grid of its own; write grid"),
        ("PartialFixedSampler", r"PartialFixedSampler cannot be made without fixed_params, base_sampler"),
        ("bayes", r'no method is called "bayes".*Did you mean "tpe" or "gp"\?'),
        ("Bayesian", r'Did you mean "tpe" or "gp"\?'),
        ("grid-search", r'Did you mean "grid"\?'),
        ("sobol", r'Did you mean "qmc"\?'),
    ],
)
def test_unknown_methods_are_named(method: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sweep(**{"search.method": method})


SPACES = {
    "ranges": {
        "lr": {"distribution": "log_uniform", "min": 1e-5, "max": 1},
        "beta1": {"distribution": "uniform", "min": 0, "max": 0.99},
    },
    "choices": {"lr": {"values": [0.1, 0.01, 0.001]}, "beta1": {"values": [0.5, 0.9]}},
    "whole numbers": {"lr": {"value": 0.1}, "beta1": {"values": [0.5, 0.9]}, "training.accumulate": {
        "distribution": "int_uniform", "min": 1, "max": 3}},
    "conditions": {
        "lr": {"values": [0.1, 0.01]},
        "amsgrad": {"values": [True, False]},
        "beta1": {"values": [0.5, 0.9], "when": {"amsgrad": True}},
    },
}  # fmt: skip
SAMPLERS = [name for name, one in vars(samplers).items() if inspect.isclass(one)]
NOT_FOR_A_SWEEP = {"BaseSampler", "BaseGASampler", "GridSampler", "PartialFixedSampler"}


@pytest.mark.parametrize("space", ["ranges", *map(slow, [*SPACES][1:]), slow("ranges, with a tradeoff")])
@pytest.mark.parametrize("method", [*METHODS.names(), *SAMPLERS])
def test_every_sampler_of_optuna_searches_and_goes_on_or_is_refused(method: str, space: str, tmp_path: Path) -> None:
    space, _, more = space.partition(", ")
    tradeoffs = [{"name": "summary/train_seconds"}] if more else []
    refused = (
        method in NOT_FOR_A_SWEEP
        or (method == "BruteForceSampler" and space == "ranges")
        or (method in ("cmaes", "CmaEsSampler") and tradeoffs)
    )
    asked = {"search.method": method, "search.trials": 4, "search.points": 2, "search.seed": 12345}
    if method == "grid":
        asked["search.trials"] = 100
    given = {**asked, "arms.adam.parameters": SPACES[space], "tradeoffs": tradeoffs}
    if refused:
        with pytest.raises(InputError, match=r"^(--set|sampled.yaml)[^\n]*$"):
            sweep(**given)
        return
    ran = [drive(sweep(**given), tmp_path, trials=2) for _ in range(2)]
    assert len({json.dumps(one.hyperparameters | one.training) for one in [*ran[0], *ran[1]]}) == 4
    assert ran[1][0].number > ran[0][-1].number


def drive(of: Sweep, folder: Path, trials: int) -> list[Assignment]:
    """What a driver runs that ends after so many trials."""
    arm = ArmStudies(open_storage(str(folder / "study.journal")), of, "adam")
    ran = []
    for _ in range(trials):
        assignment = arm.search.ask()
        assert assignment is not None
        ran.append(assignment)
        more = (1.0,) * len(of.tradeoffs)
        arm.search.hear(
            assignment.number, {}, Outcome(Status.FINISHED, 9, assignment.hyperparameters["lr"], tradeoffs=more)
        )
    return ran


def test_brute_force_ends_when_everything_was_tried(tmp_path: Path) -> None:
    of = sweep(**{"search.method": "BruteForceSampler", "arms.adam.parameters": SPACES["conditions"]})
    arm = ArmStudies(open_storage(str(tmp_path / "study.journal")), of, "adam")
    ran = []
    while (assignment := arm.search.ask()) is not None:
        ran.append(assignment)
        arm.search.hear(assignment.number, {}, Outcome(Status.FINISHED, 9, 1.0))
    assert len(ran) == 6
    assert arm.search.gave_up == "its space holds no further configuration"


@pytest.mark.parametrize("seed", [4295, 2**64 - 1])
@pytest.mark.parametrize("method", METHODS.names())
def test_every_seed_that_is_accepted_searches_and_confirms_also_after_a_resume(
    method: str, seed: int, tmp_path: Path
) -> None:
    of = sweep(**{"search.method": method, "search.seed": seed, "search.trials": 100 if method == "grid" else 3,
                  "arms.adam.parameters": SPACES["choices"], "confirm.seeds": [1, 2**64 - 2]})  # fmt: skip
    drive(of, tmp_path, trials=2)
    drive(of, tmp_path, trials=1)
    confirmed = ArmStudies(open_storage(str(tmp_path / "study.journal")), of, "adam").confirm
    first, second = confirmed.ask(), confirmed.ask()
    assert first is not None
    assert second is not None
    assert {first.seed, second.seed} == {1, 2**64 - 2}
    torch.manual_seed(second.seed)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"search.seed": 2**64}, r"search.seed: must be at most 18446744073709551615"),
        ({"search.seed": -1}, r"search.seed: must be at least 0"),
        ({"confirm.seeds": [1, 2**64]}, r"confirm.seeds.1: must be at most 18446744073709551615"),
        ({"search.studies": 3, "confirm.seeds": [2**63]}, r"confirm.seeds: the seeds of 3 studies follow from these"),
        ({"search.studies": 3, "search.seed": 2**64 - 2}, r"search.seed: the seeds of 3 studies follow from this one"),
    ],
)
def test_a_seed_that_no_generator_takes_is_refused_with_the_greatest(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sweep(**given)
