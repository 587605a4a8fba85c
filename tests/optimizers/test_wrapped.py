"""The guard around anybody's optimizer: what it keeps, and what it refuses."""

from __future__ import annotations

import copy
import dataclasses
import io
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import optimizers
from optimizers import InputError, OptimizerEntry
from optimizers.baselines.lookahead_wrapper import Lookahead
from optimizers.factory import OPTIMIZERS, build_entry
from optimizers.own_class import entry_of
from optimizers.testing.probing import probe, tiny_shapes
from tests.optimizers import other_people


def entry(name: str) -> OptimizerEntry:
    return entry_of(f"{other_people.__name__}:{name}", getattr(other_people, name))


def build(name: str, params: Any, **settings: Any) -> Any:
    return build_entry(entry(name), params, settings)


def matrices(dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    return [nn.Parameter(torch.linspace(-1, 1, 6, dtype=dtype).reshape(3, 2)), nn.Parameter(torch.ones(2, dtype=dtype))]


def take_steps(optimizer: Any, params: list[nn.Parameter], steps: int) -> None:
    for step in range(steps):
        for p in params:
            p.grad = (p.detach() + step).sin()
        optimizer.step()


def through_a_file(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, map_location="cpu", weights_only=True)


def copied(how: str, params: list[nn.Parameter], optimizer: Any) -> tuple[list[nn.Parameter], Any]:
    if how == "deepcopy":
        return copy.deepcopy((params, optimizer))
    if how == "pickle":
        return pickle.loads(pickle.dumps((params, optimizer)))
    new = [nn.Parameter(p.detach().clone()) for p in params]
    again = build(type(optimizer.inner).__name__, new)
    again.load_state_dict(through_a_file(optimizer.state_dict()))
    return new, again


@pytest.mark.parametrize("how", ["file", "deepcopy", "pickle"])
@pytest.mark.parametrize("name", ["KeepsOnSelf", "Averages"])
def test_what_it_keeps_anywhere_goes_on(name: str, how: str) -> None:
    params = matrices()
    optimizer = build(name, params)
    take_steps(optimizer, params, 5)
    others, again = copied(how, params, optimizer)
    take_steps(optimizer, params, 5)
    take_steps(again, others, 5)
    assert all(map(torch.equal, params, others))
    if name == "KeepsOnSelf":
        assert again.count == optimizer.count == 10  # reached through the guard
        assert again.last == optimizer.last
        assert type(again.last) is type(optimizer.last)
        assert again.norms.maxlen == 3
        # Its helper holds this one's parameters, not those that were saved.
        assert again.helper.param_groups[0]["params"][0] is others[0]


def test_a_step_leaves_gradients_and_counts_in_float32() -> None:
    params = matrices(torch.bfloat16)
    optimizer = build("KeepsOnSelf", params)
    for _ in range(3):
        for p in params:
            p.grad = torch.ones_like(p)
        optimizer.step()
    assert all(p.dtype is torch.bfloat16 for p in params)
    assert all(p.grad is not None and bool((p.grad == 1).all()) for p in params)
    assert all(kept.dtype is torch.float32 for kept in optimizer.by_parameter.values())


def test_weights_that_are_exchanged_come_back_to_the_last_bit() -> None:
    params = matrices(torch.bfloat16)
    optimizer = build("Averages", params)
    take_steps(optimizer, params, 5)
    before = [p.detach().clone() for p in params]
    optimizer.eval()
    assert not torch.equal(params[0], before[0])
    for refused in (optimizer.step, optimizer.state_dict, lambda: copy.deepcopy(optimizer)):
        with pytest.raises(RuntimeError, match="Averages is in eval mode"):
            refused()
    optimizer.train()
    assert all(map(torch.equal, params, before))


def test_a_step_hook_runs_once_whichever_guards_were_built_before() -> None:
    for name in ("sgd", "Averages", "sgd"):
        params, calls = matrices(), []
        optimizer = build(name, params)
        optimizer.register_step_post_hook(lambda *_, calls=calls: calls.append(1))
        take_steps(optimizer, params, 3)
        assert len(calls) == 3


def test_bad_gradients_and_parameters_are_refused_before_anything_moves() -> None:
    params = matrices()
    optimizer = build("Plain", params, lr=0.1)
    take_steps(optimizer, params, 1)
    before = params[0].detach().clone()
    params[0].grad = torch.ones(3, 2)
    params[1].grad = torch.full((2,), torch.nan)
    with pytest.raises(FloatingPointError, match=r"Plain got a gradient that is not finite, .* \(2,\)"):
        optimizer.step()
    assert torch.equal(params[0], before)
    # Gradients whose norm alone overflows are finite.
    for p in params:
        p.grad = torch.full_like(p, 1e30)
    optimizer.step()
    with pytest.raises(InputError, match="real floating-point tensors"):
        build("Plain", [nn.Parameter(torch.ones(2, dtype=torch.complex64))], lr=0.1)
    with pytest.raises(InputError, match="real floating-point tensors"):
        optimizer.add_param_group({"params": nn.Parameter(torch.ones(2, dtype=torch.complex64))})
    assert len(optimizer.param_groups) == 1


def test_sparse_gradients_are_for_those_that_take_them() -> None:
    def stepped(name: str) -> nn.Parameter:
        p = nn.Parameter(torch.zeros(4, 2))
        p.grad = torch.zeros(4, 2).index_fill_(0, torch.tensor([1]), 1.0).to_sparse()
        build(name, [p], **({"lr": 0.5} if name == "Plain" else {})).step()
        return p

    assert stepped("sgd").tolist() == [[0, 0], [-0.10000000149011612] * 2, [0, 0], [0, 0]]
    with pytest.raises(InputError, match="HandsOn needs dense gradients"):
        stepped("HandsOn")


@pytest.mark.parametrize("change", ["model", "class", "type", "missing", "unknown", "group", "lr", "plain"])
def test_a_foreign_state_is_refused_and_changes_nothing(change: str) -> None:
    params = matrices()
    optimizer = build("Plain", params, lr=0.1)
    take_steps(optimizer, params, 2)
    own = copy.deepcopy(optimizer.state_dict())
    state = copy.deepcopy(own)
    if change in ("model", "class"):
        others = [nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(2))] if change == "model" else matrices()
        other = build("Plain" if change == "model" else "sgd", others, lr=0.1)
        take_steps(other, others, 2)
        state = other.state_dict()
    elif change == "type":
        state["state"][0]["kept"] = state["state"][0]["kept"].to(torch.int64)
    elif change == "missing":
        del state["state"][0]["kept"]
    elif change == "unknown":
        state["state"][7] = state["state"][0]
    elif change == "group":
        state["param_groups"] *= 2
    elif change == "lr":
        state["param_groups"][0]["lr"] = "fast"
    else:
        del state["kept"]
    with pytest.raises(InputError, match="The loaded state is not that of this Plain"):
        optimizer.load_state_dict(state)
    now = optimizer.state_dict()
    assert torch.equal(now["state"][0]["kept"], own["state"][0]["kept"])
    assert now["param_groups"] == own["param_groups"]


def test_groups_have_their_own_settings_and_may_come_later() -> None:
    params = matrices()
    optimizer = build("Plain", [{"params": [params[0]], "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [params[1]]})
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0**step)
    take_steps(optimizer, params, 1)
    scheduler.step()
    before = [p.detach().clone() for p in params]
    take_steps(optimizer, params, 1)
    assert all(map(torch.equal, params, before))


def test_lookahead_goes_around_it_and_keeps_all_of_its_state() -> None:
    def begin() -> tuple[list[nn.Parameter], Lookahead]:
        params = matrices()
        return params, Lookahead(build("KeepsOnSelf", params), lookahead_k=3)

    (params, straight), (others, resumed) = begin(), begin()
    take_steps(straight, params, 4)
    with torch.no_grad():
        for p, q in zip(params, others, strict=True):
            q.copy_(p)
    resumed.load_state_dict(through_a_file(straight.state_dict()))
    take_steps(straight, params, 5)
    take_steps(resumed, others, 5)
    assert all(map(torch.equal, params, others))


def test_what_a_user_registers_goes_behind_it() -> None:
    mine = dataclasses.replace(entry("KeepsOnSelf"), name="keeps_on_self")
    optimizers.register(mine)
    try:
        params = matrices()
        assert optimizers.build(mine.name, params).kind == "KeepsOnSelf"  # pyright: ignore[reportAttributeAccessIssue]
    finally:
        OPTIMIZERS.unregister(mine.name)


@pytest.mark.parametrize("name", ["KeepsOnSelf", "Averages", "HandsOn", "Swallows", "sgd"])
def test_nothing_speaks_against_what_can_be_used(name: str) -> None:
    assert probe(entry(name), {}) is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("in_a_closure", "a run that goes on from a checkpoint after 11 steps ends elsewhere"),
        ("NeedsClosure", "needs a closure that computes the loss again"),
        ("SecondOrder", "needs second derivatives"),
        ("MatricesOnly", "takes matrices, but no vectors or weights of convolutions"),
        ("StandsStill", "moved no parameter"),
        ("MakesNan", "makes nan or inf of finite gradients"),
        ("AddsGroups", "changes the param groups"),
        ("FailsToBuild", r"cannot be built: ValueError: invalid lr \(.*other_people.py:\d+\)"),
        ("Plain", "lr is required"),
    ],
)
def test_why_it_cannot_be_used_is_told_before_anything_starts(name: str, told: str) -> None:
    problem = probe(entry(name), {})
    assert problem is not None
    assert problem.count("\n") == 0
    assert re.search(told, problem), problem


def test_torchs_own_that_cannot_be_used_are_told_why() -> None:
    made: dict[str, Callable[..., Any]] = {"LBFGS": torch.optim.LBFGS, "SparseAdam": torch.optim.SparseAdam}
    told = {name: probe(entry_of(f"torch.optim:{name}", cls), {}) for name, cls in made.items()}
    assert "needs a closure" in str(told["LBFGS"])
    assert "sparse gradients alone" in str(told["SparseAdam"])
    muon = entry_of("torch.optim:Muon", torch.optim.Muon)
    assert "takes matrices, but no vectors" in str(probe(muon, {}))
    # Not so for a model that has none.
    assert probe(muon, {}, tiny_shapes(nn.Linear(3, 2, bias=False).parameters())) is None


@pytest.mark.gpu
def test_a_state_goes_from_a_gpu_through_a_file_to_the_cpu_and_back(gpu: torch.device) -> None:
    def begin(device: torch.device) -> tuple[list[nn.Parameter], Any]:
        params = [nn.Parameter(p.detach().to(device)) for p in matrices()]
        return params, build("HandsOn", params, lr=0.1)

    (whole, straight), (on_cpu, between), (back, resumed) = begin(gpu), begin(torch.device("cpu")), begin(gpu)
    take_steps(straight, whole, 5)
    for (before, saved), (after, loaded) in (
        ((whole, straight), (on_cpu, between)),
        ((on_cpu, between), (back, resumed)),
    ):
        with torch.no_grad():
            for p, q in zip(before, after, strict=True):
                q.copy_(p)
        loaded.load_state_dict(through_a_file(saved.state_dict()))
    for p in back:
        state = resumed.state[p]
        assert (state["exp_avg"].device.type, state["step"].device.type) == (gpu.type, "cpu")
    take_steps(straight, whole, 5)
    take_steps(resumed, back, 5)
    assert all(map(torch.equal, whole, back))
