"""Does it go down, and do learning rates reach it?"""

from __future__ import annotations

import math
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

from optimizers.testing._case_registry import (
    advisory,
    at_some_rate,
    case,
    needs_learning_rate,
    needs_lr_in_groups,
)
from optimizers.testing._problems import descend, distance, equal, finite, quadratic, values, zeros
from optimizers.testing.optimizer_subject import Subject, use_averages


@case
def goes_down_a_quadratic(subject: Subject) -> None:
    """150 steps at a fitting learning rate bring a quadratic below a tenth of where it began.

    Where the learning rate is called otherwise than lr no other can be tried, and any way down will do.
    """
    enough = 0.1 if subject.entry.learning_rates else 1.0

    def check(rates: dict[str, float]) -> None:
        params = zeros()
        optimizer = subject.build(params, **rates)
        before = quadratic(params).item()
        descend(optimizer, params, 150)
        use_averages(optimizer)
        after = quadratic(params).item()
        told = f"150 steps at {rates or 'its default rate'} bring a quadratic from {before:.3g} to {after:.3g}"
        assert after < enough * before, told

    at_some_rate(subject, check)


@case
def goes_down_a_logistic_loss(subject: Subject) -> None:
    """100 steps at a fitting learning rate lower the loss of a logistic regression."""
    inputs = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    labels = (inputs @ torch.tensor([1.0, -2.0, 0.5]) > 0.3).float()

    def check(rates: dict[str, float]) -> None:
        weight, bias = zeros((3, 1), (1,))
        optimizer = subject.build([weight, bias], **rates)

        def loss() -> Tensor:
            return nn.functional.binary_cross_entropy_with_logits((inputs @ weight + bias).squeeze(1), labels)

        for _ in range(100):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
        use_averages(optimizer)
        after = loss().item()
        told = f"100 steps at {rates or 'its default rate'} bring the loss from {math.log(2):.3g} to {after:.3g}"
        assert after < (0.9 if subject.entry.learning_rates else 1.0) * math.log(2), told

    at_some_rate(subject, check)


@case
def a_changed_lr_takes_effect(subject: Subject) -> None:
    """`group["lr"]`, set in mid-run as schedules of the learning rate do, changes the steps that follow."""
    needs_learning_rate(subject)

    def run(factor: float) -> list[Tensor]:
        params = zeros()
        optimizer = subject.build(params)
        descend(optimizer, params, 4)
        for group in optimizer.param_groups:
            assert "lr" in group, "its param groups have no lr, which schedules of the learning rate change"
            group["lr"] *= factor
        descend(optimizer, params, 4)
        return values(params)

    assert not equal(run(1.0), run(0.5)), 'half the lr makes the same steps: read group["lr"] in every step'


@advisory
def lr_0_moves_nothing(subject: Subject) -> None:
    """Once the learning rate is 0 the parameters stay."""
    needs_learning_rate(subject)
    params = zeros()
    optimizer = subject.build(params)
    # Seven steps: slow weights that move at every fifth are then behind.
    descend(optimizer, params, 7, LambdaLR(optimizer, lambda step: float(step < 7)))
    assert all(group["lr"] == 0 for group in optimizer.param_groups), "a scheduler does not reach all of its groups"
    before = values(params)
    descend(optimizer, params, 5)
    assert equal(params, before), f"with lr = 0, five steps move a parameter by {distance(params, before):.2g}"


@case
def groups_have_their_own_lr(subject: Subject) -> None:
    """Two param groups with different learning rates take different steps, or are refused."""
    needs_learning_rate(subject)
    together = zeros((4, 2), (4, 2))
    low = subject.settings.get("lr", 0.1)
    groups = [{"params": [p], "lr": lr} for p, lr in zip(together, (low, 2 * low), strict=True)]
    try:
        optimizer = subject.build(groups)
        descend(optimizer, together, 7)
    except (ValueError, RuntimeError):
        return
    assert not torch.equal(*together), 'two groups with lr and twice lr take the same steps: read group["lr"] of each'


@advisory
def parameters_are_independent(subject: Subject) -> None:
    """What a parameter does depends on its own gradients alone."""
    together = zeros((4, 2), (4, 2))
    with torch.no_grad():
        together[1].add_(2.0)
    alone = [nn.Parameter(p.detach().clone()) for p in together]
    descend(subject.build(together), together, 7)
    for p in alone:
        descend(subject.build([p]), [p], 7)
    assert equal(together, alone), f"alone, a parameter ends elsewhere (by {distance(together, alone):.2g})"


@case
def follows_a_one_cycle_schedule(subject: Subject) -> None:
    """OneCycleLR, which changes its learning rate, leads down and to no nan."""

    def check(rates: dict[str, float]) -> None:
        _cycled(subject, rates, momentum=False)

    needs_lr_in_groups(subject)
    at_some_rate(subject, check)


@advisory
def a_cycled_momentum_takes_effect(subject: Subject) -> None:
    """OneCycleLR changes the steps by the momentum or beta1 too, of an optimizer that has one."""

    def check(rates: dict[str, float]) -> None:
        usual, cycled = (_cycled(subject, rates, momentum=momentum) for momentum in (False, True))
        assert not equal(usual, cycled), "a cycled momentum or beta1 makes the same steps"

    needs_lr_in_groups(subject)
    if not {"betas", "momentum"} & subject.build(zeros((1,))).defaults.keys():
        raise SkipTest("it has no momentum")
    at_some_rate(subject, check)


def _cycled(subject: Subject, rates: dict[str, float], momentum: bool) -> list[Any]:
    params, top = zeros(), rates.get("lr", 0.1)
    optimizer = subject.build(params, **rates)
    before = quadratic(params).item()
    descend(optimizer, params, 30, OneCycleLR(optimizer, max_lr=top, total_steps=31, cycle_momentum=momentum))
    reached = [group["lr"] for group in optimizer.param_groups]
    assert all(math.isclose(lr, top / 25e4, rel_tol=1e-6) for lr in reached), f"its lr ends at {reached}"
    assert finite(params), "a one-cycle schedule leads to nan"
    assert quadratic(params).item() < before, "a one-cycle schedule does not go down"
    return params
