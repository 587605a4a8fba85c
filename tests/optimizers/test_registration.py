"""What a user registers goes through the same checks as what is ours, and is built and evaluated in the same way."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

import optimizers
from optimizers import Hyperparameter, InputError, OptimizerEntry, schedules
from optimizers.domains import DECAY, NOT_NEGATIVE, Real
from optimizers.factory import OPTIMIZERS
from optimizers.registry import Registry

SIGN_DESCENT = OptimizerEntry(
    name="sign_descent",
    target="tests.optimizers.test_registration:SignDescent",
    summary="steps of one length along the sign of the gradient",
    rule="theta <- theta - lr sign(g)",
    source="this test",
    hyperparameters={"lr": Hyperparameter(0.5, "learning rate", NOT_NEGATIVE, "parameter")},
)
HALVES = schedules.Kind(
    "halves",
    lambda base, t, keys: max(base * 0.5 ** math.floor(t / keys["every"]), keys["floor"]),
    "b0, halved every so many counts",
    "this test",
    {
        "every": schedules.Key(Real(1), schedules.Need.BUDGET, "the counts from one halving to the next"),
        "floor": schedules.Key(DECAY, 0.0, "the value below which it never falls"),
    },
)


class SignDescent(torch.optim.Optimizer):
    """As a user would write it, without anything of this project."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p.grad.sign(), alpha=group["lr"])
        return None if closure is None else closure()


@dataclass(frozen=True)
class Thing:
    name: str
    origin: str


@pytest.fixture
def sign_descent() -> Iterator[None]:
    optimizers.register(SIGN_DESCENT)
    yield
    OPTIMIZERS.unregister("sign_descent")
    assert "sign_descent" not in optimizers.names()


@pytest.fixture
def halves() -> Iterator[None]:
    schedules.register(HALVES)
    yield
    schedules.KINDS.unregister("halves")
    assert "halves" not in schedules.names()


def test_entries_keep_the_order_of_their_registration() -> None:
    registry = Registry("thing", [Thing("b", "one"), Thing("a", "two")])
    registry.register(Thing("c", "three"))
    assert registry.names() == ("b", "a", "c")
    assert [thing.origin for thing in registry.entries()] == ["one", "two", "three"]
    registry.unregister("a")
    assert registry.names() == ("b", "c")
    assert "a" not in registry


def test_a_second_entry_of_a_name_is_told_who_was_first() -> None:
    registry = Registry("thing", [Thing("a", "package.one")])
    message = 'the thing "a" is registered already, by package.one; register that of package.two under another name.'
    with pytest.raises(InputError) as error:
        registry.register(Thing("a", "package.two"))
    assert str(error.value) == message
    assert registry.get("a").origin == "package.one"


@pytest.mark.parametrize("name", ["tabel", "Table", "desk", 3, None, ["table"]])
def test_an_unknown_name_is_told_the_nearest(name: Any) -> None:
    registry: Any = Registry("thing", [Thing("table", "here"), Thing("chair", "here")], {"desk": ("table",)})
    hint = ' Did you mean "table"?' if isinstance(name, str | list) else ""
    for look_up in (registry.get, registry.unregister):
        with pytest.raises(InputError) as error:
            look_up(name)
        assert str(error.value) == f'no thing is called "{name}"; there are table, chair.{hint}'
    assert name not in registry


@pytest.mark.usefixtures("sign_descent")
def test_a_registered_optimizer_is_checked_and_built() -> None:
    assert optimizers.names()[-1] == "sign_descent"
    p = nn.Parameter(torch.tensor([1.0, -1.0]))
    optimizer = optimizers.build("sign_descent", [p], lr=0.25)
    p.grad = torch.tensor([3.0, -0.1])
    optimizer.step()
    assert p.tolist() == [0.75, -0.75]
    with pytest.raises(InputError, match=r"sign_descent: lr must be a number >= 0, got -1"):
        optimizers.build("sign_descent", [p], lr=-1)
    with pytest.raises(InputError, match=r'sign_descent has no hyperparameter "beta1"'):
        optimizers.get("sign_descent").check({"beta1": 0.9})
    with pytest.raises(InputError, match='Did you mean "sign_descent"'):
        optimizers.get("sign_decent")


@pytest.mark.usefixtures("sign_descent")
def test_lookahead_goes_around_a_registered_optimizer() -> None:
    p = nn.Parameter(torch.tensor([1.0]))
    optimizer = optimizers.build("lookahead(sign_descent)", [p], lr=0.5, lookahead_k=1)
    p.grad = torch.ones(1)
    optimizer.step()
    assert p.tolist() == [0.75]


@pytest.mark.usefixtures("sign_descent")
def test_an_optimizer_cannot_take_a_name_that_is_taken() -> None:
    for name in ("adam", "sign_descent"):
        again = OptimizerEntry(name, "mine:Adam", "", "", "", {})
        with pytest.raises(InputError, match=f'the optimizer "{name}" is registered already, by .*; .* mine:Adam'):
            optimizers.register(again)
    assert optimizers.get("adam").target == "optimizers.baselines.torch_baselines:Adam"


@pytest.mark.usefixtures("halves")
def test_a_registered_kind_of_schedule_is_checked_and_evaluated() -> None:
    assert schedules.normalise("halves") == {"kind": "halves", "unit": "step", "floor": 0.0}
    assert schedules.with_budget("halves", steps=8, epochs=1)["every"] == 8
    assert [schedules.value({"kind": "halves", "every": 2}, 0.8, t) for t in (1, 2, 4)] == [0.8, 0.4, 0.2]
    warmed_up = {"kind": "warmup", "start": 0, "steps": 2, "then": {"kind": "halves", "every": 2}}
    assert schedules.value(warmed_up, 0.8, 4) == 0.4
    with pytest.raises(InputError, match=r"halves\): every must be a number >= 1"):
        schedules.normalise({"kind": "halves", "every": 0})
    p = nn.Parameter(torch.ones(1))
    optimizer = optimizers.build("moment_adam", [p], beta1_schedule={"kind": "halves", "every": 2})
    for _ in range(4):
        p.grad = torch.ones(1)
        optimizer.step()
    assert optimizer.diagnostics()["beta1"] == 0.225  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(InputError, match=r'kind of schedule "halves" is registered already, by tests\.optimizers'):
        schedules.register(HALVES)


def test_registering_imports_no_torch() -> None:
    program = (
        "import optimizers, sys\n"
        "entry = optimizers.OptimizerEntry('mine', 'torch.optim:SGD', '', '', '', {})\n"
        "optimizers.register(entry)\n"
        "assert optimizers.get('mine').check({}) == {}\n"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_more_optimizers_in_one_another_than_anybody_means_are_refused() -> None:
    with pytest.raises(InputError, match=r"lookahead\(lookahead\(.*: at most 8 optimizers can be nested"):
        optimizers.get("lookahead(" * 5000 + "adam" + ")" * 5000)
