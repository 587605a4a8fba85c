"""MomentAdam against torch's optimizers, and against exponential averages written out as weighted sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

import optimizers
from optimizers.moment_adam import MomentAdam, _update
from optimizers.moment_adam.coefficients import Counters, form_of, next_step

Trained = Callable[..., list[Tensor]]
Array = NDArray[np.float64]

IMPLEMENTATIONS = ("reference", "foreach", "fused")
TORCH_TWINS: dict[str, tuple[Callable[..., torch.optim.Optimizer], dict[str, Any], dict[str, Any]]] = {
    "Adam": (torch.optim.Adam, {}, {"decoupled": False}),
    "Adam + L2": (torch.optim.Adam, {"weight_decay": 0.1}, {"decoupled": False}),
    "AdamW": (torch.optim.AdamW, {"weight_decay": 0.1}, {}),
    "other betas": (torch.optim.Adam, {"betas": (0.5, 0.9999), "eps": 1e-4}, {}),
    "ascent + L2": (torch.optim.Adam, {"weight_decay": 0.1, "maximize": True}, {"decoupled": False}),
}


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))


def same_bits(ours: list[Tensor], theirs: list[Tensor]) -> bool:
    return all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize("twin", TORCH_TWINS)
def test_equals_torch(twin: str, trained: Trained) -> None:
    torch_class, shared, own = TORCH_TWINS[twin]
    shared = {"lr": 1e-2, **shared}
    theirs = {
        flag: trained(lambda p, flag=flag: torch_class(p, **shared, **{flag: True})) for flag in ("foreach", "fused")
    }
    theirs["loop"] = trained(lambda p: torch_class(p, **shared, foreach=False))
    ours = {
        name: trained(lambda p, name=name: MomentAdam(p, **shared, **own, implementation=name))
        for name in (*IMPLEMENTATIONS, "auto")
    }
    assert same_bits(ours["reference"], theirs["loop"])
    assert same_bits(ours["foreach"], theirs["foreach"])
    assert same_bits(ours["fused"], theirs["fused"])
    assert same_bits(ours["auto"], ours["fused"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_as_built_for_a_sweep_it_equals_adam(name: str, dtype: torch.dtype) -> None:
    """With sizes that leave a rest of every vector length, from a checkpoint in the middle on, for 200 steps."""
    draws = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=draws).to(dtype) for shape in ((), (1,), (7,), (33, 3), (1001,))]
    gradients = [[torch.randn(p.shape, generator=draws).to(dtype) for p in start] for _ in range(200)]

    def trained(built: str, **options: Any) -> list[Tensor]:
        params = [nn.Parameter(p.clone()) for p in start]
        optimizer = optimizers.build(built, params, lr=1e-2, weight_decay=0.1, **options)
        for step, grads in enumerate(gradients):
            if step == 100:
                state = optimizer.state_dict()
                optimizer = optimizers.build(built, params, lr=1e-2, weight_decay=0.1, **options)
                optimizer.load_state_dict(state)
            for p, grad in zip(params, grads, strict=True):
                p.grad = grad.clone()
            optimizer.step()
        return [p.detach() for p in params]

    assert same_bits(trained("moment_adam", decoupled=name == "adamw"), trained(name))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("implementation", ["reference", "foreach"])
def test_equals_rmsprop(implementation: str, weight_decay: float, trained: Trained) -> None:
    shared: dict[str, Any] = {"lr": 1e-2, "eps": 1e-8, "weight_decay": weight_decay}
    rmsprop = trained(lambda p: torch.optim.RMSprop(p, alpha=0.99, foreach=False, **shared))
    own = {"betas": (0.0, 0.99), "debias": False, "decoupled": False, "implementation": implementation}
    assert same_bits(trained(lambda p: MomentAdam(p, **shared, **own)), rmsprop)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_equals_adagrad(implementation: str, trained: Trained) -> None:
    # The running mean of squares is Adagrad's sum over t; lr / sqrt(t) and eps / sqrt(t) undo the division.
    class Adagrad(MomentAdam):
        def step(self, closure: Callable[[], float] | None = None) -> float | None:
            self.t = getattr(self, "t", 0) + 1
            for group in self.param_groups:
                group["lr"], group["eps"] = 1e-2 / math.sqrt(self.t), 1e-10 / math.sqrt(self.t)
            return super().step(closure)

    def ours(p: Any) -> Adagrad:
        return Adagrad(p, betas=(0.0, 0.5), beta2_schedule="inverse_time", implementation=implementation)

    assert difference(trained(ours), trained(lambda p: torch.optim.Adagrad(p, lr=1e-2, eps=1e-10))) < 1e-6


def weighted_average(betas: list[float], values: list[Array]) -> Array:
    """The debiased exponential average of `values`, as a sum with weights that are divided by their sum."""
    weights = [(1 - b) * math.prod(betas[i + 1 :]) for i, b in enumerate(betas)]
    return sum((w * v for w, v in zip(weights, values, strict=True)), np.zeros_like(values[0])) / math.fsum(weights)


def expected_path(start: Array, grads: list[Array], betas1: list[float], betas2: list[float]) -> list[Array]:
    """Parameters after each step of AdamW with lr 0.1, weight decay 0.01 and eps 1e-3."""
    path = [start]
    for t in range(1, len(grads) + 1):
        m = weighted_average(betas1[:t], grads[:t])
        v = weighted_average(betas2[:t], [g**2 for g in grads[:t]])
        path.append(path[-1] * (1 - 0.1 * 0.01) - 0.1 * m / (np.sqrt(v) + 1e-3))
    return path[1:]


def stairs(values: list[float]) -> dict[str, Any]:
    """A schedule that takes exactly these values at steps 1, 2, ..."""
    return {"kind": "piecewise", "milestones": list(range(1, len(values) + 1)), "values": values}


beta_lists = st.lists(st.floats(0, 0.9999), min_size=12, max_size=12)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@given(betas1=beta_lists, betas2=beta_lists, seed=st.integers(0, 2**32 - 1))
def test_debias_is_exact_under_any_schedule(
    implementation: str, betas1: list[float], betas2: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    start, grads = rng.normal(size=5), [rng.normal(size=5) for _ in betas1]
    p = nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = MomentAdam(
        [p],
        lr=0.1,
        eps=1e-3,
        weight_decay=0.01,
        beta1_schedule=stairs(betas1),
        beta2_schedule=stairs(betas2),
        implementation=implementation,
    )
    for grad, expected in zip(grads, expected_path(start, grads, betas1, betas2), strict=True):
        p.grad = torch.from_numpy(grad.copy())
        optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-9, atol=1e-9)
        assert np.array_equal(p.grad.numpy(), grad)


def test_epoch_schedules_move_with_set_epoch() -> None:
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=3), [rng.normal(size=3) for _ in range(9)]
    p = nn.Parameter(torch.from_numpy(start.copy()))
    demon = {"kind": "demon", "unit": "epoch", "total": 4}
    optimizer = MomentAdam([p], lr=0.1, eps=1e-3, weight_decay=0.01, beta1_schedule=demon)
    betas1 = [b for epoch in (1, 2, 3) for b in [0.9 * (1 - epoch / 4) / (0.1 + 0.9 * (1 - epoch / 4))] * 3]
    path = expected_path(start, grads, betas1, [0.999] * 9)
    for i, (grad, expected) in enumerate(zip(grads, path, strict=True)):
        optimizer.set_epoch(1 + i // 3)
        p.grad = torch.from_numpy(grad)
        optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"beta1_schedule": {"kind": "demon", "total": 150}, "beta2_schedule": "polynomial"},
        {"beta1_schedule": "exponential_decay", "beta2_schedule": "exponential_decay", "eps": 1e-3},
        {"beta2_schedule": "inverse_time", "debias": False, "weight_decay": 0.1},
        {
            "beta1_schedule": {"kind": "cyclic", "low": 0.5, "period": 20},
            "weight_decay": 0.1,
            "decoupled": False,
        },
        {"beta1_schedule": "theory_decay", "weight_decay": 0.1, "maximize": True},
    ],
)
def test_implementations_agree_under_schedules(options: dict[str, Any], trained: Trained) -> None:
    results = {
        name: trained(lambda p, name=name: MomentAdam(p, lr=3e-3, **options, implementation=name))
        for name in IMPLEMENTATIONS
    }
    assert same_bits(results["foreach"], results["reference"])
    # Ascent moves the parameters far, hence a tolerance relative to their size.
    scale = max(float(p.abs().max()) for p in results["reference"])
    assert difference(results["fused"], results["reference"]) < 2e-6 * max(scale, 1)


def fuses(p: Tensor, grad: Tensor, **options: Any) -> bool:
    group = MomentAdam([nn.Parameter(torch.ones(1))], **options).param_groups[0]
    coefficients, _ = next_step(group, Counters())
    memories = [torch.zeros_like(p)], [torch.zeros_like(p)], [], []
    return _update.fused(_update.Tensors([p], [grad], *memories), form_of(group), coefficients)


@pytest.mark.parametrize("options", [{}, {"order": 3.0}], ids=["torch's kernel", "ours"])
def test_a_kernel_is_used_where_it_is_right_and_only_there(options: dict[str, Any]) -> None:
    p = torch.ones(4, 6)
    assert fuses(p, torch.ones(4, 6), **options)
    assert fuses(p.t(), torch.ones(4, 6).t(), **options)
    assert fuses(torch.ones(()), torch.ones(()), **options)
    assert not fuses(p, torch.ones(6, 4).t(), **options), "another order of the same elements"
    assert not fuses(p[:, ::2], torch.ones(4, 3), **options), "gaps between the elements"
    assert not fuses(p[:1].expand(4, 6), torch.ones(4, 6), **options), "elements that share memory"


def test_torchs_kernel_is_left_where_a_power_of_beta_does_not_vanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_update.kernel, "load", lambda *_: None)
    assert not fuses(torch.ones(4), torch.ones(4), betas=(0.9, 1 - 1e-9))
    assert fuses(torch.ones(4), torch.ones(4), betas=(0.9, 1 - 1e-7))


@pytest.mark.parametrize("beta2", [0.99, 1 - 1e-9])
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "gaps", "mixed"])
def test_fused_falls_back_without_a_difference(layout: str, beta2: float) -> None:
    def step(implementation: str) -> Tensor:
        torch.manual_seed(0)
        data, grad = torch.randn(6, 8), torch.randn(6, 8)
        view = {"transposed": lambda x: x.t(), "gaps": lambda x: x[:, ::2]}.get(layout, lambda x: x)
        p = nn.Parameter(view(data))
        p.grad = grad.t().contiguous().t() if layout == "mixed" else view(grad)
        optimizer = MomentAdam([p], lr=0.1, betas=(0.9, beta2), implementation=implementation)
        for _ in range(3):
            optimizer.step()
        return p.detach()

    torch.testing.assert_close(step("fused"), step("reference"), rtol=0, atol=1e-6)
