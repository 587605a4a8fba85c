"""NadamP against a transcription, its relatives at p = 2, and what the p-th root does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optimizers import InputError
from optimizers.baselines.nadamp import NadamP

Net = Callable[..., nn.Sequential]
Train = Callable[..., None]
Trained = Callable[..., list[Tensor]]
DOUBLE = torch.float64


def largest_difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    return max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True))


def directions(power: float, scale: float, steps: int = 20, **options: Any) -> Tensor:
    """The moves of a parameter along `steps` random gradients times `scale`."""
    p = nn.Parameter(torch.zeros(5, dtype=DOUBLE))
    optimizer = NadamP([p], lr=1.0, power=power, **{"eps": 0.0, **options})
    moves = []
    for t in range(steps):
        before = p.detach().clone()
        p.grad = scale * torch.randn(5, generator=torch.Generator().manual_seed(t), dtype=DOUBLE)
        optimizer.step()
        moves.append(p.detach() - before)
    return torch.stack(moves)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0, 4.0, 7.3])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("implementation", ["reference", "foreach"])
def test_is_what_its_description_says(power: float, weight_decay: float, implementation: str) -> None:
    rng = np.random.default_rng(0)
    theta = rng.normal(size=6)
    m = v = np.zeros(6)
    a, b = (nn.Parameter(torch.from_numpy(part.copy())) for part in (theta[:4], theta[4:]))
    optimizer = NadamP(
        [a, b], 0.02, (0.8, 0.95), 1e-4, weight_decay=weight_decay, power=power, implementation=implementation
    )
    for t in range(1, 60):
        g = rng.normal(size=6) * 10 ** rng.uniform(-3, 1, 6)
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        ahead = (0.8 * m + 0.2 * g) / (1 - 0.8**t)
        theta = theta - 0.02 * (ahead / ((v / (1 - 0.95**t)) ** (1 / power) + 1e-4) + weight_decay * theta)
        a.grad, b.grad = torch.from_numpy(g[:4]), torch.from_numpy(g[4:])
        optimizer.step()
        np.testing.assert_allclose(torch.cat([a, b]).detach(), theta, rtol=1e-10)


@pytest.mark.parametrize("power", [2.0, 3.0, 8.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_implementations_give_the_same_bits(power: float, dtype: torch.dtype, net: Net, train: Train) -> None:
    models = []
    for implementation in ("reference", "foreach"):
        model = net(dtype)
        train(model, NadamP(model.parameters(), 3e-3, weight_decay=0.1, power=power, implementation=implementation))
        models.append(list(model.parameters()))
    assert all(map(torch.equal, *models))


def test_without_momentum_the_square_root_is_adamw(trained: Trained) -> None:
    def ours(params: Any) -> torch.optim.Optimizer:
        return NadamP(params, 3e-3, (0.0, 0.99), weight_decay=0.1)

    def nadam(params: Any) -> torch.optim.Optimizer:
        return torch.optim.NAdam(params, 3e-3, (0.0, 0.99), weight_decay=0.1, decoupled_weight_decay=True)

    def adamw(params: Any) -> torch.optim.Optimizer:
        return torch.optim.AdamW(params, 3e-3, (0.0, 0.99), weight_decay=0.1)

    assert largest_difference(trained(ours), trained(adamw)) < 1e-5
    assert largest_difference(trained(ours), trained(nadam)) < 1e-5


def test_the_square_root_is_torchs_nadam_but_for_one_debias() -> None:
    """Their directions differ by m times two debias factors, which is known at every step and vanishes."""
    beta1, beta2 = 0.9, 0.999
    ours, theirs = (nn.Parameter(torch.ones(8, dtype=DOUBLE)) for _ in range(2))
    nadamp = NadamP([ours], 1.0, eps=0.0)
    nadam = torch.optim.NAdam([theirs], 1.0, eps=0.0, momentum_decay=1e6, decoupled_weight_decay=True)
    gaps = []
    for t in range(1, 301):
        before = ours.detach().clone(), theirs.detach().clone()
        ours.grad = torch.randn(8, generator=torch.Generator().manual_seed(t), dtype=DOUBLE)
        theirs.grad = ours.grad.clone()
        nadamp.step()
        nadam.step()
        gap = (ours - before[0]) - (theirs - before[1])
        state = nadamp.state[ours]
        root = (state["exp_avg_sq"] / (1 - beta2**t)).sqrt()
        known = -beta1 * state["exp_avg"] * (1 / (1 - beta1**t) - 1 / (1 - beta1 ** (t + 1))) / root
        # Torch keeps its product of momenta in float32.
        torch.testing.assert_close(gap.detach(), known, rtol=0, atol=3e-6)
        gaps.append(gap.abs().max().item())
    assert gaps[0] > 0.1
    assert gaps[-1] < 3e-6


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, 6.0])
def test_a_larger_gradient_steps_further_by_its_power(power: float) -> None:
    torch.testing.assert_close(directions(power, 100.0), 100 ** (1 - 2 / power) * directions(power, 1.0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_parameters_are_rounded_once_from_float32_averages(dtype: torch.dtype) -> None:
    half, single = (nn.Parameter(torch.linspace(-2, 2, 9).to(dtype).to(d)) for d in (dtype, torch.float32))
    ours, exact = NadamP([half], 0.1, weight_decay=0.5), NadamP([single], 0.1, weight_decay=0.5)
    for t in range(20):
        grad = torch.randn(9, generator=torch.Generator().manual_seed(t)).to(dtype)
        half.grad, single.grad = grad, grad.float()
        single.data.copy_(half)
        ours.step()
        exact.step()
        assert torch.equal(half, single.to(dtype))
    assert {m.dtype for m in (ours.state[half][name] for name in ours.memories)} == {torch.float32}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"power": 0.5}, r"power must be a number in \[1, 16\], got 0\.5\."),
        ({"betas": (0.9, 1.0)}, r"betas\[1\] must be a number in \[0, 1\), got 1\.0\."),
        ({"betas": 0.9}, r"betas must be a pair, each a number in \[0, 1\), got 0\.9\."),
        ({"implementation": "fused"}, "implementation must be one of reference, foreach, got 'fused'"),
    ],
)
def test_bad_input_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        NadamP([nn.Parameter(torch.ones(1))], **options)
    optimizer = NadamP([nn.Parameter(torch.ones(1))])
    with pytest.raises(InputError, match=message):
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))], **options})
