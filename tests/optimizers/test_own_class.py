"""The entry of somebody's class or function, from its signature and from its text alone."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from optimizers import Hyperparameter, InputError, OptimizerEntry
from optimizers.domains import NOT_NEGATIVE
from optimizers.own_class import described, entry_of
from tests.optimizers import other_people

SOURCE = inspect.getsource(other_people)
ENTRY = OptimizerEntry(
    "mine", "elsewhere:Mine", "what it does", "theta <- 0", "a paper", {"lr": Hyperparameter(1.0, "rate", NOT_NEGATIVE)}
)


def entry(name: str) -> OptimizerEntry:
    return entry_of(f"other_people:{name}", getattr(other_people, name))


def read(name: str) -> OptimizerEntry:
    return described(f"other_people:{name}", SOURCE)


def defaults(one: OptimizerEntry) -> dict[str, Any]:
    return {name: "required" if own.required else own.default for name, own in one.hyperparameters.items()}


def test_settings_and_defaults_are_those_of_the_signature() -> None:
    for one in (entry("Plain"), read("Plain")):
        assert one.name == one.target == "other_people:Plain"
        assert one.summary == "Fifteen lines: momentum in `self.state`, settings in the groups"
        assert defaults(one) == {"lr": "required", "momentum": 0.5, "beta1": 0.8, "beta2": 0.99}
        assert one.tuples == {"betas": ("beta1", "beta2")}
        assert one.learning_rates == ("lr",)
        assert not one.averages_weights
        checked = one.check({"lr": 1, "beta2": 0.5})
        assert one.arguments(checked) == {"lr": 1, "momentum": 0.5, "betas": (0.8, 0.5)}
    for one in (entry("sgd"), read("sgd")):
        assert defaults(one) == {"lr": 0.1, "momentum": 0.0}


@pytest.mark.parametrize("of", [entry, read])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "other_people:Plain: lr is required, as it has no default."),
        ({"lr": 1, "betas": [0.1, 0.2]}, "takes betas one by one, as beta1, beta2"),
        ({"lr": 1, "momemtum": 0.5}, 'has no hyperparameter "momemtum"; it has .* Did you mean "momentum"'),
        ({"lr": 1, "momentum": "high"}, "momentum must be a number, got 'high'"),
        ({"lr": float("nan")}, "lr must be .*, got nan"),
    ],
)
def test_what_it_cannot_take_is_refused(of: Any, given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        of("Plain").check(given)


def test_options_are_those_of_the_base_that_gets_them() -> None:
    one = entry("HandsOn")
    # Without amsgrad, which the class sets itself.
    assert set(defaults(one)) == {
        *("warm", "lr", "beta1", "beta2", "eps", "weight_decay", "foreach", "maximize", "capturable"),
        *("differentiable", "fused", "decoupled_weight_decay"),
    }
    assert not one.open_ended
    with pytest.raises(InputError, match="no hyperparameter"):
        one.check({"wram": 3})
    # Of torch's class the source says nothing.
    assert read("HandsOn").check({"eps": 0.1, "anything": 1}) == {"warm": 5, "eps": 0.1, "anything": 1}


def test_what_a_class_gives_its_base_by_position_is_no_setting() -> None:
    for one in (entry("ByPosition"), read("ByPosition")):
        assert defaults(one) == {"rate": 0.1, "momentum": 0.5, "beta1": 0.8, "beta2": 0.99}
        assert one.learning_rates == ()
        with pytest.raises(InputError, match='no hyperparameter "lr"'):
            one.check({"lr": 0.1})


def test_an_option_that_nothing_looks_up_is_refused() -> None:
    assert entry("Swallows").check({"clip": 0.5}) == {"lr": 0.1, "clip": 0.5}
    with pytest.raises(InputError, match=r'no hyperparameter "clp".* Did you mean "clip"'):
        entry("Swallows").check({"clp": 0.5})
    assert read("Swallows").check({"clp": 0.5}) == {"lr": 0.1, "clp": 0.5}


def test_what_the_text_alone_does_not_tell_is_left_open() -> None:
    source = "from lab import *\nRATE = rate()\ndef make(params, lr=RATE, betas=RATE): ...\nMine = made(make)\n"
    assert described("m:make", source).check({"beta1": 0.5}) == {"lr": None, "betas": None, "beta1": 0.5}
    for one in (described("m:Mine", source), described("m:FromLab", source), described("m:Any", None)):
        assert one.check({"x": 1}) == {"x": 1}


def test_another_name_of_a_class_is_that_class() -> None:
    source = "class Mine(Optimizer):\n    def __init__(self, params, lr=0.1, betas=(0.9, 0.99)): ...\nours = Mine\n"
    assert described("m:ours", source).hyperparameters == described("m:Mine", source).hyperparameters
    assert described("m:ours", source).tuples == {"betas": ("beta1", "beta2")}


def test_who_knows_more_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_people.Plain, "adamant_entry", ENTRY, raising=False)
    one = entry("Plain")
    assert (one.name, one.target, one.rule) == ("other_people:Plain", "other_people:Plain", "theta <- 0")
    named = entry_of("other_people:ENTRY", ENTRY)  # pyright: ignore[reportArgumentType]
    assert (named.name, named.target) == ("other_people:ENTRY", "elsewhere:Mine")
    monkeypatch.setattr(other_people.Plain, "adamant_entry", 3)
    with pytest.raises(InputError, match="adamant_entry is a int, not an OptimizerEntry"):
        entry("Plain")
    assert described("m:Mine", "class Mine(Base):\n    adamant_entry = ENTRY\n").check({"x": 1}) == {"x": 1}


def test_averaged_weights_are_seen() -> None:
    assert entry("Averages").averages_weights
    assert read("Averages").averages_weights


@pytest.mark.parametrize("name", ["NoOptimizer", "BETAS", "Nowhere"])
def test_what_is_no_optimizer_is_refused_by_both(name: str) -> None:
    told = {
        "NoOptimizer": "not a torch.optim.Optimizer",
        "BETAS": "neither a class nor a function",
        "Nowhere": 'has no "Nowhere"',
    }[name]
    with pytest.raises(InputError, match=told):
        read(name)
    if name != "Nowhere":
        with pytest.raises(InputError, match=told):
            entry(name)
    with pytest.raises(InputError, match="takes no parameters"):
        entry_of("m:f", lambda: None)
    with pytest.raises(InputError, match="takes no parameters"):
        described("m:f", "def f(*, lr=1): ...")


def test_a_tuple_goes_by_its_singular() -> None:
    source = (
        "def make(params, etas=(0.5, 1.2), eps=(1e-30, 1e-3), betas=(0.9,), beta1=0.1, ns=('a', 2), widths=[3, 4]): ..."
    )
    one = described("m:make", source)
    assert list(one.hyperparameters) == ["eta1", "eta2", "eps1", "eps2", "betas", "beta1", "ns", "width1", "width2"]
    assert one.check({"betas": [0.5]})["betas"] == (0.5,)
    assert one.arguments(one.check({}))["widths"] == (3, 4)
