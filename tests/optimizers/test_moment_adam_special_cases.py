"""The optimizers that MomentAdam contains, over 200 steps of a small net, against other people's implementations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import pytorch_optimizer
import torch
from torch import Tensor, nn

from optimizers.moment_adam import MomentAdam

Trained = Callable[..., list[Tensor]]
IMPLEMENTATIONS = ("reference", "foreach", "fused")


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))


class HAdam(torch.optim.Optimizer):
    """Adam with the fourth moment as its paper writes it, arXiv 1910.06878: plain averages, eps outside of the root."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for p in self.param_groups[0]["params"]:
            state = self.state[p]
            t = state["t"] = state.get("t", 0) + 1
            g = p.grad.double()
            state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
            state["v"] = 0.999 * state.get("v", 0) + 0.001 * g**4
            mhat, vhat = state["m"] / (1 - 0.9**t), state["v"] / (1 - 0.999**t)
            p.sub_((self.param_groups[0]["lr"] * mhat / (vhat**0.25 + 1e-30)).to(p.dtype))


class GrokFastAdam(torch.optim.Adam):
    """GrokFast's filter, arXiv 2405.20233, in front of torch's Adam: the gradient plus 2 times its slow average."""

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        slow: dict[Tensor, Tensor] = self.__dict__.setdefault("slow", {})
        for p in self.param_groups[0]["params"]:
            slow[p] = 0.98 * slow.get(p, torch.zeros_like(p)) + 0.02 * p.grad
            p.grad = p.grad + 2 * slow[p]
        return super().step(closure)


class SignDescent(torch.optim.Optimizer):
    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for p in self.param_groups[0]["params"]:
            p.sub_(p.grad.sign() * self.param_groups[0]["lr"])


Case = tuple[Callable[[Any], torch.optim.Optimizer], dict[str, Any]]

BIT_EQUAL: dict[str, Case] = {
    "Adamax": (
        lambda p: torch.optim.Adamax(p, lr=2e-3, foreach=False),
        {"lr": 2e-3, "order": math.inf},
    ),
    "AdaBelief": (
        lambda p: pytorch_optimizer.AdaBelief(p, lr=1e-3, eps=1e-16, weight_decay=0.0, rectify=False, foreach=False),
        {"lr": 1e-3, "central": True, "eps": 1e-16, "eps_acc": 1e-16},
    ),
    "SGD": (
        lambda p: torch.optim.SGD(p, lr=0.1, foreach=False),
        {"lr": 0.1, "betas": (0.0, 0.0), "order": None, "eps": 1.0},
    ),
}

WARM_UP = {
    "beta3": 0.9999,
    "alpha": 5.0,
    "alpha_schedule": {"kind": "warmup", "start": 0, "steps": 150},
    "beta3_schedule": {"kind": "half_life", "start": 0.9, "total": 150},
}
CLOSE: dict[str, tuple[*Case, float]] = {
    # lr g / |g| is lr to half a unit in the last place; which values that moves depends on the processor.
    "sign descent": (lambda p: SignDescent(p, lr=1e-3), {"lr": 1e-3, "betas": (0.0, 0.0), "eps": 1e-30}, 5e-7),
    "AdEMAMix": (
        lambda p: pytorch_optimizer.AdEMAMix(p, lr=1e-3, betas=(0.9, 0.999, 0.9999), alpha=5.0),
        {"lr": 1e-3, "beta3": 0.9999, "alpha": 5.0},
        5e-7,
    ),
    "AdEMAMix, warmed up": (
        lambda p: pytorch_optimizer.AdEMAMix(p, lr=1e-3, betas=(0.9, 0.999, 0.9999), alpha=5.0, t_alpha_beta3=150),
        {"lr": 1e-3, **WARM_UP},
        5e-7,
    ),
    "QHAdam": (
        lambda p: pytorch_optimizer.QHAdam(p, lr=1e-3, betas=(0.9, 0.999), nus=(0.7, 0.8), weight_decay=0.0),
        {"lr": 1e-3, "nu1": 0.7, "nu2": 0.8},
        5e-7,
    ),
    "NAdam, constant momentum": (
        lambda p: torch.optim.NAdam(p, lr=1e-3, momentum_decay=1e6),
        {"lr": 1e-3, "nesterov": True},
        1e-6,
    ),
    "HAdam, order 4": (lambda p: HAdam(p, lr=1e-3), {"lr": 1e-3, "order": 4, "eps": 1e-30}, 5e-7),
    "GrokFast": (
        lambda p: GrokFastAdam(p, lr=1e-3, fused=True),
        {"lr": 1e-3, "beta3": 0.98, "alpha": 2.0, "mix": "inject"},
        5e-7,
    ),
}


@pytest.mark.parametrize("implementation", ["reference", "foreach"])
@pytest.mark.parametrize("case", BIT_EQUAL)
def test_bit_equal(case: str, implementation: str, trained: Trained) -> None:
    theirs, settings = BIT_EQUAL[case]
    ours = trained(lambda p: MomentAdam(p, **settings, implementation=implementation))
    assert difference(ours, trained(theirs)) == 0


@pytest.mark.parametrize("case", BIT_EQUAL)
def test_the_fused_kernel_is_within_rounding_of_them(case: str, trained: Trained) -> None:
    theirs, settings = BIT_EQUAL[case]
    # AdaBelief divides by the deviation from the mean, which rounding reaches first.
    tolerance = 1e-5 if case == "AdaBelief" else 1e-6
    assert difference(trained(lambda p: MomentAdam(p, **settings, implementation="fused")), trained(theirs)) < tolerance


def test_sign_descent_follows_gradients_of_any_size_in_every_implementation() -> None:
    generator = torch.Generator().manual_seed(0)
    grads = [torch.randn(20, generator=generator) * 10 ** float(8 * torch.rand(1, generator=generator) - 6)
             for _ in range(50)]  # fmt: skip
    expected = -sum(grad.sign() for grad in grads)
    for implementation in IMPLEMENTATIONS:
        for order in (2.0, 4.0):
            p = nn.Parameter(torch.zeros(20))
            options: dict[str, Any] = {"betas": (0.0, 0.0), "eps": 1e-30, "order": order}
            optimizer = MomentAdam([p], lr=1.0, **options, implementation=implementation)
            for grad in grads:
                p.grad = grad
                optimizer.step()
            torch.testing.assert_close(p.detach(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", CLOSE)
def test_close(case: str, trained: Trained) -> None:
    """And only with the settings: without them the optimizer is another one, so that Adam is not compared with Adam."""
    theirs, settings, tolerance = CLOSE[case]
    expected = trained(theirs)
    for implementation in IMPLEMENTATIONS:
        ours = trained(lambda p, by=implementation: MomentAdam(p, **settings, implementation=by))
        assert difference(ours, expected) < tolerance, implementation
    assert difference(trained(lambda p: MomentAdam(p, lr=settings["lr"])), expected) > 100 * tolerance


def test_schedules_of_beta1_reach_the_nesterov_step_exactly() -> None:
    """u = b_{t+1} m / (1 - B_{t+1}) + (1 - b_t) g / (1 - B_t), written out for three steps."""
    p = nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    betas = [0.9, 0.6, 0.3, 0.2]
    schedule = {"kind": "piecewise", "milestones": [1, 2, 3, 4], "values": betas}
    optimizer = MomentAdam([p], lr=0.1, betas=(0.9, 0.0), beta1_schedule=schedule, order=None, eps=1.0, nesterov=True)
    theta, m, product = 1.0, 0.0, 1.0
    for t, g in enumerate((1.0, -2.0, 0.5)):
        p.grad = torch.tensor([g], dtype=torch.float64)
        optimizer.step()
        m, product = betas[t] * m + (1 - betas[t]) * g, product * betas[t]
        theta -= 0.1 * (betas[t + 1] * m / (1 - product * betas[t + 1]) + (1 - betas[t]) * g / (1 - product))
        assert p.item() == pytest.approx(theta, rel=1e-14)
