"""Functions of a user's own as schedules: their keys, their values over a whole trial, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import optimizers
from optimizers import InputError, schedules, user_code
from optimizers.domains import NOT_NEGATIVE
from optimizers.user_code import CodeBundle, read_bundle

TEXT = '''
import math
import random


def warm(base, step, total, tau=10.0):
    """Rises to b0."""
    return base * (1 - math.exp(-step / tau)) * (1 - step / (2 * total))


def by_epoch(epoch, least):
    return max(least, 1 - 1 / epoch)


def rising(step, slope=0.001):
    return slope * step


def late(step):
    return math.nan if step == 7 else 0.5


def failing(step):
    return 0.5 / max(3 - step, 0)


def drawn(step):
    return random.random()


def worded(step):
    return "a half"


def timeless(tau):
    return 0.9


def doubly(step, epoch):
    return 0.9


def positional(step, /):
    return 0.9


def unit_taker(step, unit="step"):
    return 0.9


def anything(step, **keys):
    return keys["share"]


class Schedule:
    pass


alias = warm
'''


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Iterator[CodeBundle]:
    (tmp_path / "mine.py").write_text(TEXT, encoding="utf-8")
    bundle = read_bundle(["mine.py"], tmp_path)
    user_code.load(bundle)
    yield bundle
    user_code.load(CodeBundle())


def test_a_function_is_a_kind_whose_keys_are_its_parameters() -> None:
    full = schedules.normalise("mine:warm")
    assert full == {"kind": "mine:warm", "unit": "step", "tau": 10.0}
    full = schedules.with_budget({"kind": "mine:warm", "tau": 5}, steps=100, epochs=2)
    assert full == {"kind": "mine:warm", "unit": "step", "tau": 5.0, "total": 100.0}
    assert schedules.value(full, 0.8, 10) == 0.8 * (1 - math.exp(-2)) * 0.95
    assert schedules.value(full, 0.8, 101) == schedules.value(full, 0.8, 100), "it stays where it has ended"
    assert schedules.get("mine:warm").description == "Rises to b0."
    by_epoch = schedules.with_budget({"kind": "mine:by_epoch", "least": 0.25}, steps=100, epochs=4)
    assert by_epoch["unit"] == "epoch"
    assert [schedules.value(by_epoch, 0.9, t) for t in (1, 2, 4)] == [0.25, 0.5, 0.75]
    after = {"kind": "warmup", "start": 0, "steps": 10, "then": "mine:warm"}
    full = schedules.with_budget(after, steps=110, epochs=1)
    schedules.check(full, 0.8, "beta1_schedule")
    assert schedules.value(full, 0.8, 20) == schedules.value({"kind": "mine:warm", "total": 100}, 0.8, 10)
    assert schedules.value({"kind": "mine:anything", "share": 0.5, "total": 1}, 0.9, 1) == 0.5


def test_an_optimizer_takes_it_and_goes_on_from_its_state() -> None:
    def optimizer(p: nn.Parameter) -> Any:
        return optimizers.build("moment_adam", [p], lr=0.1, beta1_schedule={"kind": "mine:warm", "total": 6})

    def train(opt: Any, p: nn.Parameter, steps: int) -> None:
        for _ in range(steps):
            p.grad = p.detach() - 3
            opt.step()

    p, q = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    first = optimizer(p)
    train(first, p, 3)
    with torch.no_grad():
        q.copy_(p)
    second = optimizer(q)
    second.load_state_dict(first.state_dict())
    train(first, p, 3)
    train(second, q, 3)
    assert torch.equal(p, q)
    assert first.diagnostics()["beta1"] == 0.9 * (1 - math.exp(-0.6)) * 0.5


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("mine:nothing", r'beta1_schedule: mine has no "nothing"'),
        ("other:fn", r'beta1_schedule: "other:fn" needs other under uses'),
        ("mine:Schedule", "mine:Schedule is not a function"),
        ("mine:timeless", "a function of step or of epoch, and mine:timeless takes neither"),
        ("mine:doubly", "mine:doubly takes both"),
        ("mine:positional", "mine:positional takes step by position alone"),
        ("mine:unit_taker", "mine:unit_taker has a parameter unit, which every schedule has"),
        ({"kind": "mine:warm", "tua": 1}, r"\(mine:warm\) has no key 'tua'; its keys are unit, tau, total.*\"tau\""),
        ({"kind": "mine:warm", "tau": "long"}, r"\(mine:warm\): tau must be a number, got 'long'"),
        ({"kind": "mine:warm", "unit": "epoch"}, "the function takes step, so its unit is step, got 'epoch'"),
        ("mine:by_epoch", r"\(mine:by_epoch\) needs least: a parameter of the function"),
    ],
)
@pytest.mark.parametrize("executed", [True, False])
def test_what_is_no_schedule_is_refused_whether_it_is_executed_or_not(
    schedule: Any, message: str, executed: bool, code: CodeBundle
) -> None:
    if executed:
        with pytest.raises(InputError, match=message):
            schedules.normalise(schedule, "beta1_schedule")
        return
    with user_code.described(code), pytest.raises(InputError, match=message):
        schedules.normalise(schedule, "beta1_schedule")


@pytest.mark.parametrize(
    ("schedule", "steps", "message"),
    [
        ("mine:rising", 1000, r"beta1_schedule \(mine:rising\) gives 1\.0 at step 1000; every value must be in \[0, 1"),
        ({"kind": "mine:rising", "slope": 0.5}, 9, r"gives 1\.0 at step 2;"),
        ("mine:late", 20, "gives nan at step 7;"),
        ("mine:failing", 9, r"mine\.py:24: .*beta1_schedule \(mine:failing\) fails at step 3 \(ZeroDivisionError: "),
        ("mine:drawn", 9, r"\(mine:drawn\) gives .* at step 9, and .* when asked again; a schedule may depend on its"),
        ("mine:worded", 9, r"\(mine:worded\) returns 'a half', which is not a number at step 1"),
        (
            {"kind": "warmup", "start": 0, "steps": 5, "then": {"kind": "mine:rising", "slope": 0.25}},
            99,
            r"\(warmup\) gives 1\.0 at step 9;",
        ),
    ],
)
def test_every_step_of_the_trial_is_looked_at(schedule: Any, steps: int, message: str) -> None:
    entry = optimizers.get("moment_adam")
    given = {"beta1_schedule": schedule}
    entry.check(given)  # the length is not known yet
    with pytest.raises(InputError, match=message):
        entry.check(entry.with_budget(given, steps=steps, epochs=1))


def test_of_a_trial_that_is_short_enough_nothing_is_refused() -> None:
    entry = optimizers.get("moment_adam")
    entry.check(entry.with_budget({"beta1_schedule": "mine:rising"}, steps=999, epochs=1))
    schedules.check({"kind": "mine:rising", "slope": 2, "total": 9}, 1.0, "lr_schedule", NOT_NEGATIVE)


def test_from_its_text_alone_its_keys_are_known_and_its_values_are_not(code: CodeBundle) -> None:
    with user_code.described(code):
        full = schedules.with_budget({"kind": "mine:warm", "tau": 5}, steps=100, epochs=2)
        assert full == {"kind": "mine:warm", "unit": "step", "tau": 5.0, "total": 100.0}
        schedules.check(schedules.with_budget("mine:rising", steps=10**6, epochs=1), 0.9, "beta1_schedule")
        assert schedules.normalise({"kind": "mine:alias", "tau": 5})["tau"] == 5
        with pytest.raises(InputError, match="mine:warm is not executed here"):
            schedules.evaluate(full, 0.9, 1)
    with user_code.described_names(["mine.py"]):
        assert schedules.normalise({"kind": "mine:warm", "tau": 5})["tau"] == 5


def test_a_function_is_registered_under_its_own_name() -> None:
    @schedules.register
    def doubled(base: float, step: int) -> float:
        return min(base * 2**step, 0.875)

    try:
        assert schedules.value({"kind": "doubled", "total": 9}, 0.125, 2) == 0.5
        with pytest.raises(
            InputError, match=r'"doubled" is registered already, by tests\.optimizers\.test_own_schedules'
        ):
            schedules.register(doubled)
    finally:
        schedules.KINDS.unregister("doubled")
