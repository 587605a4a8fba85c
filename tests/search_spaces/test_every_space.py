"""Every space, and spaces at random: what is drawn builds its optimizer, takes a finite step, and survives storage."""

from __future__ import annotations

import itertools
import math
from typing import Any

import optuna
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import optimizers
from search_spaces import ArmSpace, Parameter, arm_space, parse_sweep
from search_spaces.schema.sweep_file import Arm
from search_spaces.schema.yaml_source import dump_yaml
from search_spaces.space.ready_files import SPACES
from search_spaces.space.space import DEFAULT, TRAINING, hyperparameters
from tests.conftest import Extent
from trainables import get

# Which optimizer a space is made for, where it is not MomentAdam.
OPTIMIZERS = {"weight_decay": "adamw", "lr_schedule": "sgd"}
QUESTIONS = [
    pytest.param(Arm(optimizer=OPTIMIZERS.get(name, "moment_adam"), space=sorted({"lr", name})), id=name)
    for name in SPACES.names()
]
DEFAULTS = [pytest.param(Arm(optimizer=name), id=f"default of {name}") for name in optimizers.names()]
WRAPPED = [pytest.param(Arm(optimizer="lookahead(sgd)"), id="default of lookahead(sgd)")]


def take_a_step(optimizer: str, configuration: dict[str, Any]) -> None:
    entry = optimizers.get(optimizer)
    values = hyperparameters(configuration)
    get("mlp/digits").check_training(values.pop(TRAINING, {}))
    built_from = entry.with_budget(values, steps=100, epochs=10)
    # A matrix and a vector, as Muon takes the one and AdamW the other.
    parameters = [torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(3))]
    optimizer_ = optimizers.build(optimizer, parameters, **built_from)
    for p in parameters:
        p.grad = torch.linspace(-1, 1, p.numel()).view_as(p)
    optimizer_.step()
    assert all(torch.isfinite(p).all() for p in parameters)


@pytest.mark.parametrize("arm", [*QUESTIONS, *DEFAULTS, *WRAPPED])
def test_what_is_drawn_builds_its_optimizer_and_takes_a_step(arm: Arm, extent: Extent) -> None:
    space = arm_space(arm)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(extent.configurations):
        take_a_step(arm.optimizer, space.suggest(study.ask()))


@pytest.mark.parametrize("arm", [*QUESTIONS, *DEFAULTS])
def test_the_default_and_the_corners_are_inside_the_space_and_come_back_from_the_study(arm: Arm) -> None:
    space = arm_space(arm)
    for configuration in (space.default(), *itertools.islice(space.corners(), 50)):
        kept = space.to_optuna(configuration)
        again = space.suggest(optuna.trial.FixedTrial(kept))
        assert again == {name: _close(value) for name, value in configuration.items()}
    take_a_step(arm.optimizer, space.default())


def _close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value


def test_a_default_space_needs_no_word_in_the_sweep() -> None:
    arms = "{adam: {optimizer: adam}, radam: {optimizer: radam}}"
    sweep = parse_sweep(f"{{name: bare, workload: {{name: mlp/digits}}, baseline: adam, arms: {arms}}}")
    assert set(sweep.arms["radam"].space.parameters) == {"lr", "beta1", "beta2", "eps"}
    mixed = Arm(optimizer="radam", space=[DEFAULT, "weight_decay"])
    assert set(arm_space(mixed).parameters) == {"lr", "beta1", "beta2", "eps", "weight_decay"}
    inside = arm_space(Arm(optimizer="lookahead(sgd)")).parameters
    assert set(inside) == {"lr", "momentum", "nesterov", "lookahead_k", "lookahead_alpha"}


def test_a_bound_may_follow_from_another_parameter() -> None:
    """AMSGrad's condition for convergence, beta1^2 <= beta2, and a long memory that is the longer one."""
    space = ArmSpace(
        "moment_adam",
        arm_space(
            Arm(
                optimizer="moment_adam",
                parameters={
                    "beta2": Parameter.model_validate({"distribution": "uniform", "min": "beta1 ** 2", "max": 0.999}),
                    "beta1": Parameter.model_validate({"distribution": "uniform", "min": 0.0, "max": 0.99}),
                    "beta3": Parameter.model_validate(
                        {"distribution": "one_minus_log_uniform", "min": "(1 + beta1) / 2", "max": 0.9999}
                    ),
                },
            )
        ).parameters,
    )
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, multivariate=True, group=True))
    shares = []
    for _ in range(60):
        trial = study.ask()
        drawn = {name: float(value) for name, value in space.suggest(trial).items()}
        assert drawn["beta1"] ** 2 <= drawn["beta2"] <= 0.999
        assert (1 + drawn["beta1"]) / 2 - 1e-12 <= drawn["beta3"] <= 0.9999
        shares.append(trial.params["beta3|share"])
        study.tell(trial, drawn["beta3"])
    assert min(shares) < 0.1
    assert max(shares) > 0.9


NUMBERS = st.floats(0.01, 0.4)


@st.composite
def parameters_of(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Random parameters of MomentAdam with conditions and formulas, as a sweep file would give them."""
    low = draw(NUMBERS)
    chosen: dict[str, dict[str, Any]] = {
        "lr": draw(
            st.sampled_from(
                [{"value": 0.01}, {"values": [0.1, 0.01]}, {"distribution": "log_uniform", "min": low / 10, "max": low}]
            )
        ),
        "beta1": {"distribution": draw(st.sampled_from(["uniform", "one_minus_log_uniform"])), "min": low, "max": 0.5},
    }
    if draw(st.booleans()):
        chosen["beta3"] = {"distribution": "one_minus_log_uniform", "min": f"beta1 + {low}", "max": 0.9999}
    if draw(st.booleans()):
        kinds = draw(st.lists(st.sampled_from(["constant", "linear", "cosine"]), min_size=1, unique=True))
        chosen["beta1_schedule"] = {"values": kinds}
        moving = [kind for kind in kinds if kind != "constant"]
        if moving:
            chosen["beta1_schedule.to"] = {
                "distribution": "uniform", "min": 0, "max": "beta1", "when": {"beta1_schedule": moving}
            }  # fmt: skip
    if draw(st.booleans()):
        chosen["order"] = {"values": [2.0, 4.0, 8.0]}
        chosen["gauss_norm"] = {"values": [True, False], "when": {"order": [4.0, 8.0]}}
    return dict(draw(st.permutations(list(chosen.items()))))


@given(parameters=parameters_of(), seed=st.integers(0, 100))
def test_random_sweeps_survive_yaml_and_the_study(parameters: dict[str, dict[str, Any]], seed: int) -> None:
    data = {
        "name": "random",
        "workload": {"name": "mlp/digits"},
        "baseline": "a",
        "arms": {"a": {"optimizer": "moment_adam", "parameters": parameters}},
    }
    sweep = parse_sweep(dump_yaml(data))
    assert parse_sweep(dump_yaml(sweep.file.plain())).file.plain() == sweep.file.plain()
    space = sweep.arms["a"].space
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    for _ in range(5):
        trial = study.ask()
        configuration = space.suggest(trial)
        assert space.suggest(optuna.trial.FixedTrial(trial.params)) == configuration
        kept = space.to_optuna(configuration)
        assert kept.keys() == trial.params.keys()
        for name, value in kept.items():
            assert value == trial.params[name] or math.isclose(float(value), trial.params[name], abs_tol=1e-9)
        take_a_step("moment_adam", configuration)
