"""What optimizers say of themselves is what was in force."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

import optimizers
from optimizers.base.diagnostics import diagnostics
from tests.optimizers import cases


def after_steps(name: str, steps: int, **options: Any) -> dict[str, float]:
    p = nn.Parameter(torch.ones(3, 3))
    optimizer = optimizers.build(name, [p], **options)
    for _ in range(steps):
        p.grad = torch.full((3, 3), 0.5)
        optimizer.step()
    return diagnostics(optimizer)


@pytest.mark.parametrize("name", cases.NAMES)
def test_every_optimizer_tells_finite_numbers(name: str) -> None:
    told = after_steps(name, 2, **cases.OTHER[name])
    assert "lr" in told
    assert all(isinstance(value, float) and math.isfinite(value) for value in told.values())


def test_scheduled_betas_are_those_of_the_last_step() -> None:
    schedule = {"kind": "linear", "to": 0.5, "stop": 10}
    told = after_steps("moment_adam", 5, beta1_schedule=schedule, beta2_schedule="polynomial", beta3=0.99, alpha=2.0)
    expected = {"lr": 1e-3, "beta1": 0.7, "beta2": 1 - 5**-0.8, "beta3": 0.99, "alpha": 2.0}
    assert told == pytest.approx(expected)
    assert after_steps("lookahead(moment_adam)", 5, beta1_schedule=schedule)["beta1"] == pytest.approx(0.7)


def test_fixed_ones_are_those_of_the_group() -> None:
    assert after_steps("adam", 1, beta1=0.8) == {"lr": 1e-3, "beta1": 0.8, "beta2": 0.999}
    assert after_steps("sgd", 1, momentum=0.5) == {"lr": 1e-3, "momentum": 0.5}


def test_yellowfin_tells_what_it_tuned() -> None:
    told = after_steps("yellowfin", 30)
    assert set(told) == {"lr", "momentum"}
    assert 0 < told["momentum"] < 1
    assert told["lr"] > 0
