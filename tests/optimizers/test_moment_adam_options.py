"""What MomentAdam accepts and refuses."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optimizers import InputError
from optimizers.moment_adam import MomentAdam

Net = Callable[..., nn.Sequential]
Train = Callable[..., None]


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "lr must be a number >= 0, got -1.0"),
        ({"lr": float("nan")}, "lr must be a number >= 0, got nan"),
        ({"eps": 0.0}, "eps must be a number >= 1e-38, got 0.0"),
        ({"weight_decay": -0.1}, "weight_decay must be a number >= 0"),
        ({"betas": (0.9,)}, r"betas must be a pair of numbers in \[0, 1\), got \(0.9,\)"),
        ({"betas": 0.9}, "betas must be a pair of numbers"),
        ({"betas": (0.9, 1.0)}, r"betas\[1\] must be a number in \[0, 1\), got 1.0"),
        ({"betas": (0.9, 0.0)}, "beta2 = 0 with beta1 > 0 divides remembered gradients by today's"),
        ({"betas": (0.0, 0.0), "beta1_schedule": "inverse_time"}, "beta2 = 0 with beta1 > 0"),
        ({"beta1_schedule": "demon"}, r"beta1_schedule \(demon\) needs total"),
        (
            {"beta2_schedule": {"kind": "linear", "to": 1, "stop": 9}},
            r"beta2_schedule .* gives 1\.0 at step 9",
        ),
        ({"implementation": "forech"}, r"one of auto, reference, foreach, fused, got 'forech'. Did you mean"),
        ({"decoupled": 1}, "decoupled must be true or false, got 1"),
        ({"debias": "no"}, "debias must be true or false"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MomentAdam([parameter(1.0)], **options)


def test_sign_descent_is_allowed() -> None:
    p = parameter(1.0, 1.0)
    optimizer = MomentAdam([p], lr=0.25, betas=(0.0, 0.0), eps=1e-30)
    for grad in ((3.0, -1e-4), (0.5, 7.0)):
        p.grad = torch.tensor(grad)
        optimizer.step()
    assert p.tolist() == [0.5, 1.0]


def test_sparse_gradients_are_refused_before_anything_moves() -> None:
    dense, embedding = parameter(1.0), nn.Embedding(4, 2, sparse=True)
    optimizer = MomentAdam([{"params": [dense]}, {"params": embedding.parameters()}])
    dense.grad = torch.ones(1)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(InputError, match=r"needs dense gradients, got torch.sparse_coo for .* \(4, 2\)"):
        optimizer.step()
    assert dense.item() == 1.0
    assert optimizer.state.get(dense, {}).get("step", 0) == 0


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64])
def test_parameters_that_are_not_real_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(InputError, match=f"real floating-point tensors, got one of type {dtype}"):
        MomentAdam([torch.ones(2, dtype=dtype)])


def test_states_of_other_optimizers_and_models_are_refused(net: Net, train: Train) -> None:
    model = net()
    optimizer = MomentAdam(model.parameters())
    train(model, optimizer, 0, 2)
    before = copy.deepcopy(optimizer.state_dict())
    other = net()
    train(other, foreign := torch.optim.Adam(other.parameters()), 0, 1)
    with pytest.raises(InputError, match="not that of MomentAdam, it has: step, exp_avg, exp_avg_sq"):
        optimizer.load_state_dict(foreign.state_dict())
    wide = nn.ParameterList([torch.ones(3, *p.shape) for p in model.parameters()])
    for p in wide:
        p.grad = torch.ones_like(p)
    source = MomentAdam(wide)
    source.step()
    with pytest.raises(InputError, match=r"exp_avg has shape \(3, 16, 8\), its parameter \(16, 8\)"):
        optimizer.load_state_dict(source.state_dict())
    after = optimizer.state_dict()
    for name in ("exp_avg", "exp_avg_sq"):
        for index, state in before["state"].items():
            assert torch.equal(after["state"][index][name], state[name])
    assert after["param_groups"] == before["param_groups"]


@pytest.mark.parametrize("epoch", [0, -1, 1.5, "2", None])
def test_epochs_count_from_one(epoch: Any) -> None:
    with pytest.raises(InputError, match="epoch must be a whole number >= 1, got"):
        MomentAdam([parameter(1.0)]).set_epoch(epoch)


def test_channels_last_weights(trained_conv: Callable[[str, torch.memory_format], Tensor]) -> None:
    expected = trained_conv("reference", torch.contiguous_format)
    for implementation in ("reference", "foreach", "fused"):
        result = trained_conv(implementation, torch.channels_last)
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)


@pytest.fixture
def trained_conv() -> Callable[[str, torch.memory_format], Tensor]:
    def run(implementation: str, memory_format: torch.memory_format) -> Tensor:
        torch.manual_seed(0)
        conv = nn.Conv2d(3, 4, 3).to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]
        images = torch.randn(2, 3, 8, 8).to(memory_format=memory_format)
        optimizer = MomentAdam(conv.parameters(), lr=1e-2, implementation=implementation)
        for _ in range(20):
            optimizer.zero_grad()
            (conv(images) - 1).square().mean().backward()
            optimizer.step()
        return conv.weight.detach().contiguous()

    return run
