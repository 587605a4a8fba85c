"""Every registered optimizer: it learns, it resumes, and the registry says of it what its class says."""

from __future__ import annotations

import importlib
import inspect
import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import optimizers
from optimizers import InputError

Net = Callable[..., nn.Sequential]
Train = Callable[..., None]

TORCH_NAMES = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
}
NOT_DEFAULT: dict[str, dict[str, Any]] = {
    "moment_adam": {
        "beta1": 0.8,
        "weight_decay": 0.01,
        "beta1_schedule": {"kind": "linear", "to": 0.5, "stop": 30},
        "beta2_schedule": "polynomial",
    },
    "sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "adagrad": {"lr_decay": 0.01, "initial_accumulator_value": 0.1},
    "rmsprop": {"momentum": 0.5, "centered": True, "alpha": 0.9},
    "adam": {"beta2": 0.99, "amsgrad": True},
    "adamw": {"beta1": 0.5, "weight_decay": 0.1},
    "nadam": {"momentum_decay": 0.01},
    "radam": {"weight_decay": 0.1, "decoupled_weight_decay": True},
}


def class_of(name: str) -> type[torch.optim.Optimizer]:
    module, _, class_name = optimizers.get(name).target.partition(":")
    return getattr(importlib.import_module(module), class_name)


def test_the_registry_and_this_file_name_the_same_optimizers() -> None:
    assert set(optimizers.names()) == set(NOT_DEFAULT) == {"moment_adam", *TORCH_NAMES}
    assert {name: class_of(name) for name in TORCH_NAMES} == TORCH_NAMES


@pytest.mark.parametrize("name", optimizers.names())
def test_goes_down_a_quadratic(name: str) -> None:
    p = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    # The steps of Adagrad shrink with the sum of all squared gradients.
    optimizer = optimizers.build(name, [p], lr=1.0 if name == "adagrad" else 0.1)

    def loss() -> torch.Tensor:
        return (torch.tensor([1.0, 2.0, 0.5]) * p**2).sum()

    before = loss().item()
    for _ in range(100):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < before / 10


@pytest.mark.parametrize("options", ["default", "other"])
@pytest.mark.parametrize("name", optimizers.names())
def test_resumes_bit_for_bit(name: str, options: str, net: Net, train: Train) -> None:
    hyperparameters = NOT_DEFAULT[name] if options == "other" else {}
    whole, resumed = net(), net()
    straight = optimizers.build(name, whole.parameters(), **hyperparameters)
    train(whole, straight, 0, 10)
    buffer = io.BytesIO()
    torch.save((whole.state_dict(), straight.state_dict()), buffer)
    buffer.seek(0)
    model_state, optimizer_state = torch.load(buffer, weights_only=True)
    resumed.load_state_dict(model_state)
    after = optimizers.build(name, resumed.parameters(), **hyperparameters)
    after.load_state_dict(optimizer_state)
    train(whole, straight, 10, 20)
    train(resumed, after, 10, 20)
    for ours, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", TORCH_NAMES)
def test_defaults_are_those_of_torch(name: str, net: Net) -> None:
    ours = optimizers.build(name, net().parameters()).param_groups[0]
    theirs = TORCH_NAMES[name](net().parameters()).param_groups[0]
    engine = {"params", "fused", "foreach"}
    assert {k: v for k, v in ours.items() if k not in engine} == {k: v for k, v in theirs.items() if k not in engine}


@pytest.mark.parametrize("name", optimizers.names())
def test_declared_hyperparameters_are_those_of_the_class(name: str) -> None:
    entry = optimizers.get(name)
    declared = {"betas" if n in ("beta1", "beta2") else n for n in entry.hyperparameters}
    accepted = inspect.signature(class_of(name)).parameters
    # How a step is computed, and in which direction, is not for a search.
    engine = {"params", "implementation", "maximize", "foreach", "fused", "capturable", "differentiable"}
    assert declared == set(accepted) - engine
    assert set(entry.fixed) <= set(accepted)
    assert all(one.description and one.describe() for one in entry.hyperparameters.values())


@pytest.mark.parametrize("name", optimizers.names())
def test_values_reach_the_optimizer(name: str) -> None:
    values = NOT_DEFAULT[name]
    group = optimizers.build(name, [nn.Parameter(torch.ones(1))], lr=0.03125, **values).param_groups[0]
    assert group["lr"] == 0.03125
    for key, value in values.items():
        if key.endswith("_schedule"):
            assert group[key] == optimizers.schedules.normalise(value)
        elif key in ("beta1", "beta2"):
            assert group["betas"][int(key[-1]) - 1] == value
        else:
            assert group[key] == value


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam", "adamw"])
def test_fused_kernels_are_used_where_torch_has_them(name: str) -> None:
    def fused(*params: nn.Parameter) -> bool:
        return bool(optimizers.build(name, params).param_groups[0]["fused"])

    real, complex_number = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2, dtype=torch.complex64))
    on_meta = nn.Parameter(torch.ones(2, device="meta"))
    assert fused(real)
    assert not fused(real, complex_number)
    assert not fused(real, on_meta)


def test_params_come_in_every_form_that_torch_takes(net: Net) -> None:
    model = net()
    first, last = model[0], model[-1]
    for params in (
        model.parameters(),
        model.named_parameters(),
        [{"params": first.parameters(), "lr": 0.5}, {"params": last.bias}],
        [{"params": list(first.named_parameters())}],
    ):
        built = optimizers.build("adam", params)
        assert built.param_groups[0]["params"][0] is next(first.parameters())
        assert built.param_groups[0]["fused"] is True


def test_properties() -> None:
    with_betas = {name for name in optimizers.names() if optimizers.get(name).has_betas}
    assert with_betas == {"moment_adam", "adam", "adamw", "nadam", "radam"}
    assert {n for n in optimizers.names() if optimizers.get(n).has_momentum} == {"sgd", "rmsprop"}
    assert {n for n in optimizers.names() if not optimizers.get(n).has_eps} == {"sgd"}


@pytest.mark.parametrize(
    ("name", "hyperparameters", "message"),
    [
        ("adamm", {}, r"There is no optimizer 'adamm'\. Did you mean \"adam"),
        ("Adam", {}, r"Did you mean \"adam\"\?"),
        (None, {}, "There is no optimizer None"),
        (
            "adam",
            {"bata1": 0.5},
            r"adam has no hyperparameter 'bata1'; it has lr, .* Did you mean \"beta1\"\?",
        ),
        ("rmsprop", {"betas": (0.9, 0.999)}, "rmsprop has no hyperparameter 'betas'; it has lr, alpha, eps,"),
        ("sgd", {"lr": -0.1}, r"sgd: lr must be a number >= 0, got -0\.1\."),
        ("sgd", {"lr": None}, "sgd: lr must be a number >= 0, got None"),
        ("sgd", {"momentum": 1.0}, r"sgd: momentum must be a number in \[0, 1\), got 1\.0\."),
        ("sgd", {"nesterov": True}, "sgd: nesterov needs momentum > 0 and dampening = 0"),
        ("sgd", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs momentum"),
        ("adam", {"amsgrad": 1}, "adam: amsgrad must be true or false, got 1"),
        ("adam", {"beta2": 1}, r"adam: beta2 must be a number in \[0, 1\), got 1"),
        ("moment_adam", {"eps": 0}, "moment_adam: eps must be a number > 0, got 0"),
        ("moment_adam", {"beta2": 0.0}, "beta2 = 0 with beta1 > 0"),
        (
            "moment_adam",
            {"beta1_schedule": "demn"},
            r"moment_adam: beta1_schedule has the unknown kind 'demn'",
        ),
        (
            "moment_adam",
            {"beta1_schedule": {"kind": "cosine", "to": 1.5, "stop": 99}},
            r"moment_adam: beta1_schedule \(cosine\) gives 1\.\d+ at step 27;",
        ),
        (
            "moment_adam",
            {"beta2_schedule": {"kind": "linear", "to": 1.5}},
            r"moment_adam: beta2_schedule \(linear\) gives 1\.\d+ at step \d+;",
        ),
    ],
)
def test_bad_input_is_named(name: str, hyperparameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        optimizers.get(name).check(hyperparameters)
    with pytest.raises(InputError, match=message):
        optimizers.build(name, [nn.Parameter(torch.ones(1))], **hyperparameters)


def test_a_schedule_may_wait_for_its_budget() -> None:
    values = optimizers.get("moment_adam").check({"beta1_schedule": "demon", "lr": 1})
    assert values["lr"] == 1.0
    assert values["beta1_schedule"] == {"kind": "demon", "unit": "step"}
    assert values["beta2_schedule"] == {"kind": "constant", "unit": "step"}
    p = nn.Parameter(torch.ones(1))
    with pytest.raises(InputError, match=r"beta1_schedule \(demon\) needs total"):
        optimizers.build("moment_adam", [p], **values)
    full = optimizers.get("moment_adam").with_budget(values, steps=100, epochs=1)
    group = optimizers.build("moment_adam", [p], **full).param_groups[0]
    assert group["beta1_schedule"] == {"kind": "demon", "unit": "step", "total": 100.0}
    given = {"beta1_schedule": {"kind": "demon", "unit": "epoch"}, "lr": 0.5}
    assert optimizers.get("moment_adam").with_budget(given, steps=100, epochs=7) == {
        "beta1_schedule": {"kind": "demon", "unit": "epoch", "total": 7.0},
        "lr": 0.5,
    }
    with pytest.raises(InputError, match=r"moment_adam: beta1_schedule \(linear\) needs to"):
        optimizers.get("moment_adam").with_budget({"beta1_schedule": "linear"}, steps=100, epochs=7)


@pytest.mark.parametrize(
    "statement",
    [
        "import optimizers, optimizers.registry, optimizers.schedules, optimizers.errors",
        "import optimizers; optimizers.get('moment_adam').check({'beta1_schedule': 'demon'})",
        "import optimizers\ntry: optimizers.build('adam', [], lr=-1)\nexcept optimizers.InputError: pass",
    ],
)
def test_torch_is_not_imported_before_it_is_needed(statement: str) -> None:
    program = f"{statement}\nimport sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]
