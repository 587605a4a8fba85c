"""Moments of any order in float32: exact over the whole range of gradients, finite for every finite gradient."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from optimizers.moment_adam import MomentAdam
from optimizers.moment_adam._rule import skewness
from tests.conftest import slow

IMPLEMENTATIONS = ("reference", "foreach", "fused")
ORDERS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 11.3, 16.0)


def root_of(optimizer: MomentAdam, p: nn.Parameter) -> Tensor:
    """The debiased p-th root, in float64."""
    order, state = optimizer.param_groups[0]["order"], optimizer.state[p]
    root = state["exp_avg_sq"].double().sqrt() if order == 2 else state["exp_avg_root"].double()
    return root / (1 - state["beta2_product"]) ** (1 / order)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("order", ORDERS)
def test_the_root_is_exact_from_tiny_to_huge_gradients(order: float, implementation: str) -> None:
    """Against the average of |g|^p in float64 (extended by logarithms), for gradients from 1e-9 to 1e6."""
    rng = np.random.default_rng(0)
    sizes = np.logspace(-9, 6, 61)
    grads = (rng.normal(size=(200, 61)) * sizes).astype(np.float32)
    p = nn.Parameter(torch.zeros(61))
    optimizer = MomentAdam([p], order=order, implementation=implementation)
    for grad in grads:
        p.grad = torch.from_numpy(grad)
        optimizer.step()
    weights = 0.001 * 0.999 ** np.arange(199, -1, -1) / (1 - 0.999**200)
    relative = np.abs(grads.astype(np.float64)) / sizes
    expected = (weights @ relative**order) ** (1 / order) * sizes
    np.testing.assert_allclose(root_of(optimizer, p).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("order", [order if order in (1.5, 2.0, 3.0, 16.0) else slow(order) for order in ORDERS])
def test_a_constant_gradient_is_its_own_root_for_thousands_of_steps(order: float, implementation: str) -> None:
    """Rounding that leans to one side would add up over 1 / (1 - beta2) steps."""
    sizes = torch.tensor([1e-9, 0.0123, 1.7, 3.3, 1e6])
    p = nn.Parameter(torch.zeros(5))
    optimizer = MomentAdam([p], order=order, implementation=implementation)
    p.grad = sizes.clone()
    for _ in range(3000):
        optimizer.step()
    torch.testing.assert_close(root_of(optimizer, p), sizes.double(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("order", [3.0, 4.0, 7.5, 8.0, 16.0])
def test_a_memory_that_has_forgotten_everything_holds_todays_gradient(order: float, implementation: str) -> None:
    """beta2 at 0 after a gradient a thousand times larger: x^p of the old root must leave nothing behind."""
    p = nn.Parameter(torch.zeros(3))
    forget = {"kind": "piecewise", "milestones": [2], "values": [0.0]}
    optimizer = MomentAdam([p], betas=(0.0, 0.999), beta2_schedule=forget, order=order, implementation=implementation)
    for grad in (torch.tensor([1.0, 50.0, 1e3]), torch.tensor([1e-3, -0.07, 0.3])):
        p.grad = grad
        optimizer.step()
    torch.testing.assert_close(optimizer.state[p]["exp_avg_root"], torch.tensor([1e-3, 0.07, 0.3]), rtol=1e-6, atol=0)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_short_and_long_memory_may_forget_everything_too(implementation: str) -> None:
    """A step from the old value to the new one would round by the size of the old one."""
    p = nn.Parameter(torch.zeros(2))
    options: dict[str, Any] = {"betas": (0.0, 0.9), "order": 4.0, "beta3": 0.0, "alpha": 1.0}
    optimizer = MomentAdam([p], **options, implementation=implementation)
    for grad in (torch.tensor([1e6, -3e5]), torch.tensor([1e-3, 0.7])):
        p.grad = grad
        optimizer.step()
    for name in ("exp_avg", "exp_avg_long"):
        torch.testing.assert_close(optimizer.state[p][name], torch.tensor([1e-3, 0.7]), rtol=1e-6, atol=0)


FINITE = st.floats(min_value=-(2.0**126), max_value=2.0**126, width=32)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@given(
    grads=st.lists(st.lists(FINITE, min_size=4, max_size=4), min_size=1, max_size=5),
    order=st.sampled_from([order for order in ORDERS if order != 2]),
)
def test_no_finite_gradient_gives_nan_or_infinity(implementation: str, grads: list[list[float]], order: float) -> None:
    p = nn.Parameter(torch.ones(4))
    optimizer = MomentAdam([p], lr=0.1, order=order, kappa=0.1, kappa_d=0.1, implementation=implementation)
    for grad in grads:
        p.grad = torch.tensor(grad)
        optimizer.step()
        assert p.isfinite().all()
        assert all(value.isfinite().all() for value in optimizer.state[p].values() if isinstance(value, Tensor))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"order": 4.0},
        {"order": 2.5},
        {"order": math.inf},
        {"order": None, "eps": 1.0},
        {"gate": "cautious", "order": 4.0},
        {"beta3": 0.99, "alpha": 2.0, "gate": "agree", "order": 3.0},
        {"beta3": 0.99, "alpha": 2.0, "gate": "cosine", "kappa": 0.1, "kappa_d": 0.1, "central": True, "nu2": 0.9},
        {"beta3": 0.99, "alpha": 2.0, "mix": "inject", "order": 8.0},
    ],
)
def test_a_gradient_that_is_not_finite_shows(options: dict[str, Any], bad: float, implementation: str) -> None:
    p = nn.Parameter(torch.ones(3))
    optimizer = MomentAdam([p], **options, implementation=implementation)
    for grad in ([0.5, 0.5, 0.5], [0.5, bad, 0.5], [0.5, 0.5, 0.5]):
        p.grad = torch.tensor(grad)
        optimizer.step()
    assert not p[1].isfinite()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_the_skewness_of_negative_gradients_is_negative(implementation: str) -> None:
    """The signed cube root of the average of r^3, not a nan that is painted over."""
    p = nn.Parameter(torch.zeros(3))
    optimizer = MomentAdam([p], kappa=1.0, beta4=0.9, implementation=implementation)
    history = [(-2.0, 1e-7, 3.0), (-1.0, -1e-7, -1.0), (-4.0, -3e-7, 0.0)]
    for grad in history:
        p.grad = torch.tensor(grad)
        optimizer.step()
    state = optimizer.state[p]
    q = skewness(state["exp_avg_cube"].double() / (1 - state["beta4_product"]))
    weights = 0.1 * 0.9 ** np.array([2, 1, 0]) / (1 - 0.9**3)
    expected = np.cbrt(weights @ np.array(history, dtype=np.float32).astype(np.float64) ** 3)
    np.testing.assert_allclose(q.numpy(), expected, rtol=1e-5)
    assert (q < 0).tolist() == [True, True, False]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_the_skewness_is_exact_from_tiny_to_huge_gradients(implementation: str) -> None:
    """A constant gradient is the cube root of its own cubes, so that u = m + q is twice the gradient."""
    sizes = torch.logspace(-14, 9, 93)
    grads = torch.cat([sizes, -sizes, torch.tensor([0.0, 1e20, -3e38])])
    p = nn.Parameter(torch.zeros(len(grads)))
    optimizer = MomentAdam([p], lr=1.0, betas=(0, 0), order=None, eps=1, kappa=1, implementation=implementation)
    p.grad = grads
    optimizer.step()
    optimizer.step()
    before = p.detach().clone()
    optimizer.step()
    moved = (before - p.detach())[:186]
    # A position is known to its last digit only: a few parts in ten millions of what it moved by.
    torch.testing.assert_close(moved, 2 * grads[:186], rtol=2e-6, atol=0)
    saturated = optimizer.state[p]["exp_avg_cube"][-2:]
    assert saturated.isfinite().all()
    assert saturated.sign().tolist() == [1, -1]


@pytest.mark.parametrize("implementation", [slow("reference"), slow("foreach"), "fused"])
@pytest.mark.parametrize("order", [2.0, 4.0, 6.0])
def test_a_spike_moves_a_coordinate_no_further_than_its_bound(order: float, implementation: str) -> None:
    """(1 - beta1) / (1 - beta2)^(1/p) of lr: 3.16 at p = 2, 0.56 at 4, 0.32 at 6."""
    p = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = MomentAdam([p], lr=1.0, order=order, implementation=implementation)
    positions = []
    for grad in itertools.chain(itertools.repeat(1e-12, 6_000), [1.0]):
        p.grad = torch.tensor([grad], dtype=torch.float64)
        optimizer.step()
        positions.append(p.item())
    assert positions[-2] - positions[-1] == pytest.approx(0.1 / 0.001 ** (1 / order), rel=1e-2)
