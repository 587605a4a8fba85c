"""MomentAdam's state: per parameter, through checkpoints and copies, beside schedulers."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optimizers import InputError
from optimizers.moment_adam import MomentAdam

Net = Callable[..., nn.Sequential]
Train = Callable[..., None]

SCHEDULED: dict[str, Any] = {
    "lr": 3e-3,
    "weight_decay": 0.01,
    "beta1_schedule": {"kind": "demon", "unit": "epoch", "total": 5},
    "beta2_schedule": {"kind": "warmup", "start": 0.5, "steps": 30, "then": {"kind": "piecewise",
                       "milestones": [5], "values": [0.99]}},
}  # fmt: skip


def parameter(*values: float, dtype: torch.dtype = torch.float32) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=dtype))


def give(p: nn.Parameter, *grad: float) -> None:
    p.grad = torch.tensor(grad, dtype=p.dtype)


def moments(optimizer: MomentAdam) -> list[Tensor]:
    return [state[name] for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]


def same_bits(ours: list[Tensor], theirs: list[Tensor]) -> bool:
    return len(ours) == len(theirs) and all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize("implementation", ["reference", "foreach", "fused"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_run_from_a_checkpoint_equals_an_uninterrupted_one(
    implementation: str, dtype: torch.dtype, tmp_path: Path, net: Net, train: Train
) -> None:
    whole, cut, resumed = net(dtype), net(dtype), net(dtype)
    straight, before, after = (
        MomentAdam(m.parameters(), **SCHEDULED, implementation=implementation) for m in (whole, cut, resumed)
    )
    for optimizer, model in ((straight, whole), (before, cut)):
        train(model, optimizer, 0, 20)
        optimizer.set_epoch(2)
        train(model, optimizer, 20, 40)
    torch.save({"model": cut.state_dict(), "optimizer": before.state_dict()}, tmp_path / "checkpoint.pt")
    loaded = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    resumed.load_state_dict(loaded["model"])
    after.load_state_dict(loaded["optimizer"])
    train(whole, straight, 40, 80)
    train(resumed, after, 40, 80)
    assert same_bits(list(resumed.parameters()), list(whole.parameters()))
    assert same_bits(moments(after), moments(straight))
    assert after.param_groups[0]["epoch"] == 2


def test_bfloat16_parameters_have_unrounded_float32_state(net: Net, train: Train) -> None:
    model = net(torch.bfloat16)
    optimizer = MomentAdam(model.parameters())
    train(model, optimizer, 0, 5)
    assert {m.dtype for m in moments(optimizer)} == {torch.float32}
    assert any(not torch.equal(m, m.bfloat16().float()) for m in moments(optimizer)), "rounding would show"
    other = MomentAdam(net(torch.bfloat16).parameters())
    other.load_state_dict(optimizer.state_dict())
    assert same_bits(moments(other), moments(optimizer))


@pytest.mark.parametrize("implementation", ["reference", "foreach", "fused"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_parameters_are_rounded_once(dtype: torch.dtype, implementation: str) -> None:
    torch.manual_seed(0)
    p = nn.Parameter(torch.randn(64, dtype=dtype))
    precise = nn.Parameter(p.detach().float())
    p.grad = torch.randn(64, dtype=dtype)
    precise.grad = p.grad.float()
    for one in (p, precise):
        MomentAdam([one], lr=0.1, weight_decay=0.1, implementation=implementation).step()
    assert torch.equal(p.detach(), precise.detach().to(dtype))


def test_a_loaded_optimizer_shares_no_memory_with_the_dict(net: Net, train: Train) -> None:
    first, second = net(), net()
    source, target = MomentAdam(first.parameters()), MomentAdam(second.parameters())
    train(first, source, 0, 3)
    target.load_state_dict(source.state_dict())
    before = [m.clone() for m in moments(target)]
    train(first, source, 3, 6)
    assert same_bits(moments(target), before)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_alike(copied: Callable[[Any], Any], net: Net, train: Train) -> None:
    model = net()
    optimizer = MomentAdam(model.parameters(), **SCHEDULED)
    train(model, optimizer, 0, 10)
    twin_model, twin = copied((model, optimizer))
    train(model, optimizer, 10, 20)
    train(twin_model, twin, 10, 20)
    assert same_bits(list(twin_model.parameters()), list(model.parameters()))


def test_groups_that_an_older_version_pickled_get_the_new_options() -> None:
    optimizer = MomentAdam([parameter(1.0)])
    for name in ("epoch", "beta2_schedule", "debias"):
        del optimizer.param_groups[0][name]
    restored = pickle.loads(pickle.dumps(optimizer))
    assert restored.param_groups[0]["beta2_schedule"] == {"kind": "constant", "unit": "step"}
    assert restored.param_groups[0]["epoch"] == 1
    assert restored.param_groups[0]["debias"] is True


def test_a_late_gradient_starts_at_step_one() -> None:
    schedules = {"beta1_schedule": {"kind": "linear", "to": 0.1, "stop": 8}, "beta2_schedule": "polynomial"}
    early, late, never = parameter(1.0, 2.0), parameter(3.0), parameter(5.0)
    together = MomentAdam([early, late, never], lr=0.1, **schedules)
    alone_early, alone_late = parameter(1.0, 2.0), parameter(3.0)
    apart = [MomentAdam([p], lr=0.1, **schedules) for p in (alone_early, alone_late)]
    for t in range(8):
        for p in (early, alone_early):
            give(p, 0.3, -t)
        for p in (late, alone_late) if t >= 5 else ():
            give(p, 1.0 + t)
        for optimizer in (together, *apart):
            optimizer.step()
    torch.testing.assert_close(early, alone_early, rtol=0, atol=0)
    torch.testing.assert_close(late, alone_late, rtol=0, atol=0)
    assert never.item() == 5.0
    assert never not in together.state


def test_equal_steps_with_different_betas_behind_them_are_kept_apart() -> None:
    first, second = parameter(1.0), parameter(1.0)
    both = MomentAdam([first, second], lr=0.1)
    alone = [parameter(1.0), parameter(1.0)]
    apart = [MomentAdam([p], lr=0.1) for p in alone]
    for t, beta1 in enumerate((0.9, 0.5, 0.7)):
        for optimizer in (both, *apart):
            optimizer.param_groups[0]["betas"] = (beta1, 0.99)
        for i, p in enumerate((first, second)):
            p.grad = alone[i].grad = None
            if t != 1 + i:  # the first misses step 1 and the second misses step 2
                give(p, 1.0 + t)
                give(alone[i], 1.0 + t)
                apart[i].step()
        both.step()
    assert both.state[first]["step"] == both.state[second]["step"] == 2
    assert [first.item(), second.item()] == [p.item() for p in alone]


def test_one_cycle_moves_lr_and_betas() -> None:
    scheduled, by_hand = parameter(1.0, -2.0), parameter(1.0, -2.0)
    ours, theirs = MomentAdam([scheduled]), MomentAdam([by_hand])
    cycle = torch.optim.lr_scheduler.OneCycleLR(ours, max_lr=0.1, total_steps=20)
    used = []
    for _ in range(19):
        group = ours.param_groups[0]
        used.append(group["betas"][0])
        theirs.param_groups[0].update(lr=group["lr"], betas=group["betas"])
        for p, optimizer in ((scheduled, ours), (by_hand, theirs)):
            p.grad = 2 * p.detach()
            optimizer.step()
        cycle.step()
    assert len(set(used)) > 10
    assert ours.state[scheduled]["beta1_product"] == pytest.approx(math.prod(used), rel=1e-14)
    assert torch.equal(scheduled, by_hand)


def test_groups_hold_plain_values_only() -> None:
    optimizer = MomentAdam([parameter(1.0)], **SCHEDULED)
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    buffer.seek(0)
    assert torch.load(buffer, weights_only=True) == optimizer.state_dict()


def test_groups_differ_and_are_checked() -> None:
    fast, slow = parameter(1.0), parameter(1.0)
    optimizer = MomentAdam([{"params": [fast], "lr": 0.5}, {"params": [slow]}], lr=0.1)
    give(fast, 1.0)
    give(slow, 1.0)
    optimizer.step()
    assert fast.item() == pytest.approx(0.5)
    assert slow.item() == pytest.approx(0.9)
    optimizer.set_epoch(3)
    optimizer.add_param_group({"params": parameter(2.0), "beta1_schedule": "nadam"})
    assert optimizer.param_groups[2]["epoch"] == 3
    assert optimizer.param_groups[2]["beta1_schedule"]["psi"] == 0.004
    with pytest.raises(InputError, match="eps must be a number >= 1e-38, got 0"):
        optimizer.add_param_group({"params": [parameter(2.0)], "eps": 0})
    assert len(optimizer.param_groups) == 3


def test_named_parameters_and_closures(net: Net) -> None:
    model = net()
    optimizer = MomentAdam(model.named_parameters(), lr=0.01)
    assert optimizer.param_groups[0]["param_names"][0] == "0.weight"

    def closure() -> float:
        assert torch.is_grad_enabled()
        optimizer.zero_grad()
        loss = model(torch.ones(1, 8)).square().sum()
        loss.backward()
        return loss.item()

    losses = [optimizer.step(closure) for _ in range(50)]
    assert losses[0] == pytest.approx(net()(torch.ones(1, 8)).square().sum().item())
    assert losses[-1] is not None
    assert losses[-1] < 1e-3


def test_odd_shapes() -> None:
    scalar, empty = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.empty(0, 3))
    scalar.grad, empty.grad = torch.tensor(2.0), torch.empty(0, 3)
    MomentAdam([scalar, empty], lr=0.1).step()
    assert scalar.item() == pytest.approx(0.9)
