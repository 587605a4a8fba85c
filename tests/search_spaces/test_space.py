"""Configurations drawn from a space are valid, respect its conditions, and reach the optimizer as written."""

from __future__ import annotations

import optuna
import pytest

import optimizers
from optimizers import InputError
from search_spaces import ArmSpace, arm_space, load_sweep
from search_spaces.schema.parameter import Parameter
from search_spaces.schema.sweep_file import Arm
from search_spaces.space.space import hyperparameters, named_space


def space_of(optimizer: str, *spaces: str, **parameters: dict) -> ArmSpace:
    own = {name.replace("__", "."): Parameter.model_validate(one) for name, one in parameters.items()}
    return arm_space(Arm(optimizer=optimizer, space=list(spaces), parameters=own))


@pytest.mark.parametrize("arm", load_sweep("mnist-beta-schedules").arms.values(), ids=lambda arm: arm.optimizer)
def test_every_drawn_configuration_builds_its_optimizer(arm: Arm) -> None:
    import torch

    space = arm_space(arm)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    entry = optimizers.get(arm.optimizer)
    for _ in range(200):
        settings = entry.with_budget(hyperparameters(space.suggest(study.ask())), steps=100, epochs=10)
        parameter = torch.nn.Parameter(torch.ones(3))
        optimizer = optimizers.build(arm.optimizer, [parameter], **settings)
        parameter.grad = torch.tensor([1.0, -2.0, 0.5])
        optimizer.step()
        assert torch.isfinite(parameter).all()


def test_a_parameter_is_drawn_only_under_its_condition() -> None:
    space = space_of("moment_adam", "lr", "beta_schedules")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(100):
        drawn = space.suggest(study.ask())
        assert ("beta1_schedule.tau" in drawn) == (drawn["beta1_schedule"] == "exponential_decay")
        assert ("beta1_schedule.to" in drawn) == (drawn["beta1_schedule"] in ("linear", "cosine"))
        assert ("beta2_schedule.c" in drawn) == (drawn["beta2_schedule"] == "polynomial")


def test_the_default_is_the_optimizers_own_and_unscheduled() -> None:
    assert space_of("adam", "lr").default() == {"lr": 1e-3}
    assert space_of("moment_adam", "lr", "beta_schedules").default() == {
        "lr": 1e-3,
        "beta1_schedule": "constant",
        "beta2_schedule": "constant",
    }
    assert space_of("adam", lr={"value": 0.5}, beta1={"values": [0.5, 0.9]}).default() == {"lr": 0.5, "beta1": 0.9}
    out_of_reach = space_of("adam", lr={"distribution": "log_uniform", "min": 1e-2, "max": 1}).default()
    assert out_of_reach == {"lr": pytest.approx(0.1)}
    own = {"distribution": "log_uniform", "min": 1e-2, "max": 1, "default": 0.02}
    assert space_of("adam", lr=own).default() == {"lr": 0.02}


def test_one_minus_log_uniform_is_even_in_the_distance_from_one() -> None:
    space = space_of("adam", beta2={"distribution": "one_minus_log_uniform", "min": 0.9, "max": 0.9999})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [float(space.suggest(study.ask())["beta2"]) for _ in range(1000)]
    assert all(0.9 <= value <= 0.9999 for value in drawn)
    # A third of the logarithmic range lies in each decade of 1 - beta2.
    assert 0.28 < sum(value > 0.999 for value in drawn) / 1000 < 0.39


def test_what_the_study_stores_reads_back_to_the_same_configuration() -> None:
    space = space_of("adam", "lr", "adam")
    default = space.default()
    stored = space.to_optuna(default)
    assert stored["1-beta2"] == pytest.approx(1e-3)
    study = optuna.create_study()
    study.enqueue_trial(stored)
    assert space.suggest(study.ask()) == pytest.approx(default)


def test_own_parameters_replace_those_of_named_spaces() -> None:
    replaced = space_of("adam", "lr", lr={"value": 0.01})
    assert replaced.parameters["lr"].value == 0.01
    assert named_space("lr").parameters["lr"].value is None


def test_dotted_names_nest_into_schedules() -> None:
    assert hyperparameters({"lr": 0.1, "beta1_schedule": "demon", "beta1_schedule.total": 9}) == {
        "lr": 0.1,
        "beta1_schedule": {"kind": "demon", "total": 9},
    }
    of_a_part = {
        "lr": 0.1,
        "generator.lr": 0.2,
        "generator.beta1_schedule": "demon",
        "generator.beta1_schedule.total": 9,
    }
    assert hyperparameters(of_a_part) == {
        "lr": 0.1,
        "generator": {"lr": 0.2, "beta1_schedule": {"kind": "demon", "total": 9}},
    }
    assert hyperparameters({"beta1_schedule.total": 9, "beta1_schedule": "demon"}) == {
        "beta1_schedule": {"kind": "demon", "total": 9}
    }


def test_conditions_that_go_round_in_a_circle_are_refused() -> None:
    with pytest.raises(InputError, match="round in a circle"):
        space_of("adam", lr={"value": 1, "when": {"eps": 1}}, eps={"value": 1, "when": {"lr": 1}})
