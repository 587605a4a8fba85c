"""The origin's rules: each its transcription, with its bugs, and how far the sound versions are from them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import optimizers
from optimizers import InputError
from optimizers.baselines.origin_variants import OriginAdam, OriginThirdAdded, OriginThirdReplaces
from optimizers.moment_adam import MomentAdam

Net = Callable[..., nn.Sequential]
Train = Callable[..., None]
DOUBLE = torch.float64
CLASSES = (OriginAdam, OriginThirdAdded, OriginThirdReplaces)
ENTRIES = ("origin_adam", "origin_third_added", "origin_third_replaces")


def gradients(steps: int, size: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(steps, size)) * 10 ** rng.uniform(-2, 1, (steps, size)) + np.linspace(-2, 2, size)


def moved_along(optimizer: torch.optim.Optimizer, gs: np.ndarray) -> np.ndarray:
    """Where a parameter is after each gradient."""
    [p] = optimizer.param_groups[0]["params"]
    places = []
    for g in gs:
        p.grad = torch.from_numpy(g.copy())
        optimizer.step()
        places.append(p.detach().numpy().copy())
    return np.array(places)


def zeros(size: int = 8) -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(size, dtype=DOUBLE))]


def test_origin_adam_is_its_formula() -> None:
    gs, theta = gradients(40), np.zeros(8)
    m = v = np.zeros(8)
    expected = []
    for t, g in enumerate(gs, start=1):
        b1, b2 = 0.9 * math.exp(-t), 0.99 * math.exp(-t)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        theta = theta - 0.1 * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + 1e-3)
        expected.append(theta)
    np.testing.assert_allclose(moved_along(OriginAdam(zeros(), 0.1, (0.9, 0.99)), gs), expected, rtol=1e-12)


@pytest.mark.parametrize("added", [True, False])
def test_the_third_moment_is_its_formula(added: bool) -> None:
    gs, theta = gradients(40), np.zeros(8)
    m = v = s = np.zeros(8)
    expected = []
    for t, g in enumerate(gs, start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g**2
        s = 0.99 * s + 0.01 * g**3
        with np.errstate(invalid="ignore"):
            root = (s / (1 - 0.99**t)) ** (1 / 3)
        if added:
            root = root + np.sqrt(v / (1 - 0.99**t))
        step = m / (1 - 0.9**t) / (root + 1e-8)
        step[np.isnan(step)] = 1e-9
        theta = theta - 0.1 * step
        expected.append(theta)
    optimizer = (OriginThirdAdded if added else OriginThirdReplaces)(zeros(), 0.1, (0.9, 0.99))
    np.testing.assert_allclose(moved_along(optimizer, gs), expected, rtol=1e-10, atol=1e-16)


@pytest.mark.parametrize("cls", [OriginThirdAdded, OriginThirdReplaces])
def test_coordinates_with_negative_gradients_freeze(cls: type[OriginThirdAdded]) -> None:
    """On a bowl around (1, 1), the coordinate that must grow has negative gradients: it never gets there."""
    p = nn.Parameter(torch.tensor([3.0, -3.0], dtype=DOUBLE))
    optimizer = cls([p], lr=0.01)
    for _ in range(1000):
        p.grad = p.detach() - 1
        optimizer.step()
    assert p[0].item() == pytest.approx(1, abs=0.3)
    assert p[1].item() == pytest.approx(-3 - 1000 * 0.01 * 1e-9, abs=1e-14)
    sound = nn.Parameter(torch.tensor([3.0, -3.0], dtype=DOUBLE))
    order_three = MomentAdam([sound], lr=0.01, order=3.0)
    for _ in range(1000):
        sound.grad = sound.detach() - 1
        order_three.step()
    np.testing.assert_allclose(sound.detach(), [1, 1], atol=0.3)


def test_scheduled_moment_adam_is_the_sound_origin_adam() -> None:
    """The same averages; directions that differ by the debias alone, which is wrong from the second step on."""
    gs = gradients(30)
    origin = OriginAdam(zeros(), 1.0)
    schedule = {"kind": "exponential_decay"}
    sound = MomentAdam(zeros(), 1.0, eps=1e-3, beta1_schedule=schedule, beta2_schedule=schedule)
    theirs, ours = moved_along(origin, gs), moved_along(sound, gs)
    for a, b in zip(origin.state.values(), sound.state.values(), strict=True):
        torch.testing.assert_close(a["exp_avg"], b["exp_avg"], rtol=1e-14, atol=0)
        torch.testing.assert_close(a["exp_avg_sq"], b["exp_avg_sq"], rtol=1e-14, atol=0)
    moves = [np.diff(places, axis=0, prepend=0) for places in (theirs, ours)]
    ratios = moves[0] / moves[1]
    np.testing.assert_allclose(ratios[0], 1, rtol=1e-12)
    b1, b2 = (beta * math.exp(-2) for beta in (0.9, 0.999))
    right1, right2 = (1 - beta**2 * math.exp(-3) for beta in (0.9, 0.999))
    without_eps = right1 / (1 - b1**2) * math.sqrt((1 - b2**2) / right2)
    assert without_eps == pytest.approx(0.990, abs=1e-3)
    np.testing.assert_allclose(ratios[1], without_eps, rtol=3e-3)
    np.testing.assert_allclose(ratios[3:], 1, rtol=1e-5)
    # With no memory left, the direction is the sign of the gradient, softened by eps.
    np.testing.assert_allclose(moves[1][20:], -gs[20:] / (np.abs(gs[20:]) + 1e-3), rtol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("cls", CLASSES)
def test_the_patch_hides_no_gradient_that_is_not_finite(cls: type[OriginAdam], bad: float) -> None:
    a, b = (nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = cls([a, b])
    a.grad, b.grad = torch.ones(2), torch.tensor([1.0, bad])
    with pytest.raises(FloatingPointError, match=f"{cls.__name__} got a gradient that is not finite"):
        optimizer.step()
    assert torch.equal(torch.cat([a, b]), torch.ones(4))
    assert not any(state["step"] or state["exp_avg"].any() for state in optimizer.state.values())


def test_maximize_climbs_along_the_negative_gradient() -> None:
    gs = gradients(10)
    for cls in CLASSES:
        np.testing.assert_array_equal(
            moved_along(cls(zeros(), maximize=True), -gs), moved_along(cls(zeros()), gs), err_msg=cls.__name__
        )


@pytest.mark.parametrize("name", ENTRIES)
def test_are_labelled_as_reproductions(name: str) -> None:
    entry = optimizers.get(name)
    assert entry.summary.startswith("reproduction for figures only")
    assert "reconstructed" in entry.source
    built = optimizers.build(name, [nn.Parameter(torch.ones(1))])
    assert "reproduction for figures only" in (type(built).__doc__ or "").lower()
    with pytest.raises(InputError, match=f"{name}: beta1 must be a number in"):
        entry.check({"beta1": 1.0})
