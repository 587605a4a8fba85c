"""The registry says of every optimizer what its class says, builds it, and refuses what it cannot take."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import optimizers
from optimizers import InputError
from optimizers.baselines import torch_baselines
from tests.optimizers import cases

Net = Callable[..., nn.Sequential]

TORCH_CLASSES: dict[str, Any] = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "adamax": torch.optim.Adamax,
}
REQUIRED = {
    "moment_adam", *TORCH_CLASSES, "muon", "adabelief", "lookahead", "yellowfin", "lion", "ademamix", "aggmo", "qhadam",
    "soap", "schedulefree_adamw", "prodigy", "adopt", "grokfast_adamw", "nadamp",
    "origin_adam", "origin_third_added", "origin_third_replaces",
}  # fmt: skip
# How a step is computed, and in which direction, is not for a search.
ENGINE = {"self", "params", "implementation", "maximize", "foreach", "fused", "capturable", "differentiable"}
NOT_OFFERED = {
    "aggmo": {"betas"},  # from damping_base and damping_count
    "soap": {"merge_dims", "data_format"},  # fail for small tensors
    "adopt": {"clip_lambda"},  # a function
}
OTHER_DEFAULTS = {
    "ademamix": {"weight_decouple"},  # the paper's
    "qhadam": {"betas", "nus"},  # the paper's; the library's are Adam's
    "grokfast_adamw": {"lr"},
}
WITHOUT_BASE = [name for name in optimizers.names() if optimizers.get(name).base is None]


def class_of(name: str) -> type[torch.optim.Optimizer]:
    module, _, class_name = optimizers.get(name).target.partition(":")
    return getattr(importlib.import_module(module), class_name)


def signature_of(name: str) -> dict[str, Any]:
    """The named parameters of a class with their defaults, through every constructor that hands the rest on."""
    found: dict[str, Any] = {}
    for cls in class_of(name).__mro__:
        if "__init__" not in vars(cls):
            continue
        parameters = inspect.signature(cls.__init__).parameters.values()
        hands_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                found.setdefault(parameter.name, parameter.default)
        # pytorch-optimizer's constructors take anything and hand on nothing.
        if not hands_on or cls.__module__.startswith("pytorch_optimizer"):
            break
    return found


def test_every_asked_optimizer_is_there() -> None:
    assert set(optimizers.names()) >= REQUIRED
    assert set(cases.OTHER) == set(cases.NAMES)
    assert all(issubclass(class_of(name), cls) for name, cls in TORCH_CLASSES.items())


@pytest.mark.parametrize("name", TORCH_CLASSES)
def test_takes_the_steps_of_torch(name: str, net: Net, train: Callable[..., None]) -> None:
    ours, theirs = net(), net()
    train(ours, optimizers.build(name, ours.parameters(), lr=0.01), 0, 30)
    train(theirs, TORCH_CLASSES[name](theirs.parameters(), lr=0.01), 0, 30)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", WITHOUT_BASE)
def test_declared_hyperparameters_are_those_of_the_class(name: str) -> None:
    entry, accepted = optimizers.get(name), signature_of(name)
    members = {member for together in entry.tuples.values() for member in together}
    declared = {n for n in entry.hyperparameters if n not in members} | set(entry.tuples)
    assert declared == set(accepted) - ENGINE - set(entry.fixed) - NOT_OFFERED.get(name, set())
    assert set(entry.fixed) <= set(accepted)


@pytest.mark.parametrize("name", WITHOUT_BASE)
def test_defaults_are_those_of_the_class(name: str) -> None:
    entry, accepted = optimizers.get(name), signature_of(name)
    ours = {n: v for n, v in entry.arguments(entry.check({})).items() if not n.endswith("_schedule")}
    differing = {n for n, value in ours.items() if value != accepted[n]}
    assert differing == OTHER_DEFAULTS.get(name, set())


@pytest.mark.parametrize("name", optimizers.names())
def test_documentation_is_complete(name: str) -> None:
    entry = optimizers.get(name)
    assert entry.rule.strip()
    assert entry.source
    assert entry.summary
    for key, one in entry.hyperparameters.items():
        assert one.description, key
        assert one.describe(), key


@pytest.mark.parametrize("name", cases.NAMES)
def test_values_reach_the_optimizer(name: str) -> None:
    values, entry = cases.OTHER[name], optimizers.get(name)
    params = [nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(2, 2))]
    groups = optimizers.build(name, params, lr=0.03125, **values).param_groups
    assert any(group["lr"] == 0.03125 for group in groups)
    places = {member: (together, i) for together, members in entry.tuples.items() for i, member in enumerate(members)}
    for key, value in values.items():
        if key in places:
            together, i = places[key]
            reached = [group[name][i] for group in groups if (name := together.removeprefix("adamw_")) in group]
        else:
            reached = [group.get(key) for group in groups]
        assert (optimizers.schedules.normalise(value) if key.endswith("_schedule") else value) in reached


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam", "adamw"])
def test_fused_kernels_are_used_where_torch_has_them(name: str) -> None:
    def fused(*params: nn.Parameter) -> bool:
        return bool(optimizers.build(name, params).param_groups[0]["fused"])

    real = nn.Parameter(torch.ones(2))
    on_meta = nn.Parameter(torch.ones(2, device="meta"))
    assert fused(real)
    assert not fused(real, on_meta)


def test_adagrad_is_not_fused_where_torch_has_no_kernel_even_if_its_state_was(monkeypatch: pytest.MonkeyPatch) -> None:
    parameter = nn.Parameter(torch.ones(2))
    saved = optimizers.build("adagrad", [parameter]).state_dict()
    assert saved["param_groups"][0]["fused"]
    monkeypatch.setattr(torch_baselines, "_has_fused_adagrad", lambda device: device != "cpu")
    built = optimizers.build("adagrad", [parameter])
    built.load_state_dict(saved)
    assert not built.param_groups[0]["fused"]
    parameter.grad = torch.ones(2)
    built.step()


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


def test_flags() -> None:
    def names(flag: str) -> set[str]:
        return {name for name in cases.NAMES if getattr(optimizers.get(name), flag)}

    assert names("averages_weights") == {"lookahead", "lookahead(sgd)", "schedulefree_adamw"}
    assert names("hides_non_finite") == {"lion", "soap", "adopt"}


@pytest.mark.parametrize("name", ["adam", "lion", "moment_adam", "sgd", "muon", "lookahead"])
def test_keys_of_param_groups_are_checked_as_the_optimizers_own(name: str) -> None:
    def build(**group: Any) -> torch.optim.Optimizer:
        return optimizers.build(name, [{"params": [nn.Parameter(torch.ones(2, 2))], **group}])

    assert build(lr=0.5, name="first").param_groups[0]["lr"] == 0.5
    assert build(lr=0.5, name="first").param_groups[0]["name"] == "first"
    with pytest.raises(InputError, match=r"lr must be a number >= 0, got -1"):
        build(lr=-1)
    with pytest.raises(InputError, match=r"has no hyperparameter \"weigth_decay\".* Did you mean \"weight_decay\""):
        build(weigth_decay=0.1)
    if "betas" in optimizers.get(name).tuples:
        assert build(beta1=0.5).param_groups[0]["betas"][0] == 0.5
        assert build(betas=(0.5, 0.25)).param_groups[0]["betas"] == (0.5, 0.25)
        with pytest.raises(InputError, match=r"beta2 must be a number in \[0, 1\), got 1"):
            build(betas=(0.5, 1))


def test_what_is_no_list_of_parameters_is_named() -> None:
    p = nn.Parameter(torch.ones(1))
    for wrong in (p, {"params": [p]}):
        with pytest.raises(InputError, match="adam takes a list of parameters or of param groups"):
            optimizers.build("adam", wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="adam: a param group needs params, got one with lr"):
        optimizers.build("adam", [{"lr": 0.1}])


def test_sgd_with_dampening_in_a_group_begins_with_the_gradient() -> None:
    p, q = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    ours = optimizers.build("sgd", [{"params": [p], "momentum": 0.9, "dampening": 0.5}], lr=0.1)
    theirs = torch.optim.SGD([q], lr=0.1, momentum=0.9, dampening=0.5)
    for _ in range(3):
        p.grad, q.grad = torch.ones(2), torch.ones(2)
        ours.step()
        theirs.step()
    assert torch.equal(p, q)


def test_lookahead_refuses_the_state_of_another() -> None:
    p = nn.Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    optimizer = optimizers.build("lookahead", [p])
    with pytest.raises(InputError, match="not that of Lookahead, it lacks the state of its base"):
        optimizer.load_state_dict(optimizers.build("adam", [p]).state_dict())
    optimizer.step()


def test_lookahead_goes_around_any_optimizer() -> None:
    for base in optimizers.names():
        name = f"lookahead({base})"
        if optimizers.get(base).averages_weights:
            with pytest.raises(InputError, match="which averages its weights itself"):
                optimizers.get(name)
            continue
        p = nn.Parameter(torch.ones(2, 2))
        optimizer = optimizers.build(name, [p], lookahead_k=2)
        for _ in range(3):
            p.grad = torch.full((2, 2), 0.5)
            optimizer.step()
        assert p.isfinite().all()
        with pytest.raises(InputError, match=r'lookahead\(.*\) has no hyperparameter "lookahead_j".*lookahead_k'):
            optimizers.build(name, [p], lookahead_j=2)


@pytest.mark.parametrize(
    ("name", "hyperparameters", "message"),
    [
        ("adamm", {}, r'no optimizer is called "adamm"; there are moment_adam, .*\. Did you mean "adam'),
        ("lookahead(nadm)", {}, r'no optimizer is called "nadm"; .* Did you mean "nadam"\?'),
        ("lookahead(lookahead(sgd))", {}, r"lookahead cannot go around lookahead\(sgd\), which averages"),
        ("Adam", {}, r"Did you mean \"adam\"\?"),
        (None, {}, 'no optimizer is called "None"'),
        (
            "adam",
            {"bata1": 0.5},
            r"adam has no hyperparameter \"bata1\"; it has lr, .* Did you mean \"beta1\"\?",
        ),
        ("rmsprop", {"betas": (0.9, 0.999)}, 'rmsprop has no hyperparameter "betas"; it has lr, alpha, eps,'),
        ("adam", {"betas": (0.9, 0.999)}, r"adam takes betas one by one, as beta1, beta2\."),
        ("sgd", {"lr": -0.1}, r"sgd: lr must be a number >= 0, got -0\.1\."),
        ("sgd", {"lr": None}, "sgd: lr must be a number >= 0, got None"),
        ("sgd", {"momentum": 1.0}, r"sgd: momentum must be a number in \[0, 1\), got 1\.0\."),
        ("sgd", {"nesterov": True}, "sgd: nesterov needs momentum > 0 and dampening = 0"),
        ("sgd", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs momentum"),
        ("adam", {"amsgrad": 1}, "adam: amsgrad must be true or false, got 1"),
        ("adam", {"beta2": 1}, r"adam: beta2 must be a number in \[0, 1\), got 1"),
        ("moment_adam", {"eps": 0}, "moment_adam: eps must be a number >= 1e-38, got 0"),
        ("moment_adam", {"beta2": 0.0}, "beta2 = 0 with beta1 > 0"),
        ("moment_adam", {"beta1": 0.0, "central": True}, "central with beta1 = 0"),
        ("moment_adam", {"order": None, "nu2": 0.5}, "nu2 cannot be used with order = off"),
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
        "import optimizers, optimizers.factory, optimizers.schedules, optimizers.errors",
        "import optimizers; optimizers.get('moment_adam').check({'beta1_schedule': 'demon'})",
        "import optimizers\ntry: optimizers.build('adam', [], lr=-1)\nexcept optimizers.InputError: pass",
    ],
)
def test_torch_is_not_imported_before_it_is_needed(statement: str) -> None:
    program = f"{statement}\nimport sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]
