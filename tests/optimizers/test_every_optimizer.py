"""Every registered optimizer through the same cases; `cases` says where one behaves differently, and why.

In the gate every optimizer meets every case, by the options that reach most of its code and in one precision.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

import optimizers
from tests.conftest import slow
from tests.optimizers import cases

Net = Callable[..., nn.Sequential]
Train = Callable[..., None]

every_optimizer = pytest.mark.parametrize("name", cases.NAMES)
default_and_other_options = pytest.mark.parametrize("options", [slow("default"), "other"])


def options_of(name: str, options: str) -> dict[str, Any]:
    return cases.OTHER[name] if options == "other" else {}


def target(p: Tensor) -> Tensor:
    """Where the quadratics of these tests have their least value; the same for every type."""
    return torch.linspace(-2, 3, p.numel()).reshape(p.shape).to(p.dtype)


def quadratic(params: list[nn.Parameter]) -> Tensor:
    """A sum over all parameters, each on its own: what one does tells nothing of another."""
    terms = [((p - target(p)) ** 2).sum() for p in params]
    return torch.stack([term.to(torch.float64) for term in terms]).sum()


def zeros(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(shape, dtype=dtype)) for shape in shapes]


def descend(optimizer: Optimizer, params: list[nn.Parameter], steps: int, scheduler: LRScheduler | None = None) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        quadratic(params).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()


def use_averaged_weights(name: str, optimizer: Any) -> None:
    if optimizers.get(name).averages_weights:
        optimizer.eval()


def values(params: list[nn.Parameter]) -> list[Tensor]:
    return [p.detach().clone() for p in params]


def equal(ours: list[nn.Parameter] | list[Tensor], theirs: list[nn.Parameter] | list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def finite(params: list[nn.Parameter]) -> bool:
    return all(bool(p.isfinite().all()) for p in params)


def refused(action: Callable[[], object], *errors: type[Exception]) -> str | None:
    """What the action said when it refused by one of these errors; None when it did not."""
    try:
        action()
    except errors as error:
        return str(error)
    return None


@every_optimizer
@default_and_other_options
def test_goes_down_a_quadratic(name: str, options: str) -> None:
    params = zeros((4,), (3, 2))
    optimizer = optimizers.build(name, params, **{**cases.rates(name), **options_of(name, options)})
    before = quadratic(params).item()
    descend(optimizer, params, 150)
    use_averaged_weights(name, optimizer)
    assert quadratic(params).item() < (0.9 if name in cases.FREEZES else 0.1) * before


@every_optimizer
def test_goes_down_a_logistic_loss(name: str) -> None:
    inputs = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    labels = (inputs @ torch.tensor([1.0, -2.0, 0.5]) > 0.3).float()
    weight, bias = zeros((3, 1), (1,))
    optimizer = optimizers.build(name, [weight, bias], **cases.rates(name))

    def loss() -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits((inputs @ weight + bias).squeeze(1), labels)

    for _ in range(100):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    use_averaged_weights(name, optimizer)
    assert loss().item() < (0.9 if name in cases.FREEZES else 0.5) * math.log(2)


@every_optimizer
def test_each_group_has_its_own_lr(name: str) -> None:
    low, high = cases.lr(name), 2 * cases.lr(name)
    together = zeros((4, 2), (4, 2))
    groups = [{"params": [together[0]], "lr": low}, {"params": [together[1]], "lr": high}]
    optimizer = optimizers.build(name, groups)
    if name in cases.ONE_LR:
        with pytest.raises(optimizers.InputError, match="one learning rate for all parameter groups"):
            descend(optimizer, together, 1)
        return
    descend(optimizer, together, 7)
    assert not torch.equal(*together)
    if name not in cases.WHOLE:
        alone = [*zeros((4, 2)), *zeros((4, 2))]
        for p, lr in zip(alone, (low, high), strict=True):
            descend(optimizers.build(name, [p], lr=lr), [p], 7)
        assert equal(together, alone)


def build_with_schedule(name: str, model: nn.Module, options: str) -> tuple[Optimizer, LRScheduler]:
    optimizer = optimizers.build(name, model.parameters(), **options_of(name, options))
    return optimizer, LambdaLR(optimizer, lambda step: 0.97**step)


def train_with_schedule(train: Train, model: nn.Module, built: tuple[Optimizer, LRScheduler], steps: range) -> None:
    for step in steps:
        train(model, built[0], step, step + 1)
        built[1].step()


@every_optimizer
@default_and_other_options
@pytest.mark.parametrize("dtype", [torch.float32, slow(torch.bfloat16), slow(torch.float64)])
def test_resumes_bit_for_bit(name: str, options: str, dtype: torch.dtype, net: Net, train: Train) -> None:
    whole, resumed = net(dtype), net(dtype)
    straight = build_with_schedule(name, whole, options)
    train_with_schedule(train, whole, straight, range(11))
    buffer = io.BytesIO()
    torch.save([part.state_dict() for part in (whole, *straight)], buffer)
    buffer.seek(0)
    after = build_with_schedule(name, resumed, options)
    for part, state in zip((resumed, *after), torch.load(buffer, weights_only=True), strict=True):
        part.load_state_dict(state)
    for model, built in ((whole, straight), (resumed, after)):
        train_with_schedule(train, model, built, range(11, 22))
    assert equal(list(resumed.parameters()), list(whole.parameters()))
    for optimizer in (straight[0], after[0]):
        use_averaged_weights(name, optimizer)
    assert equal(list(resumed.parameters()), list(whole.parameters()))


@every_optimizer
@pytest.mark.parametrize("how", [slow("deepcopy"), "pickle"])
def test_copies_continue_alike(name: str, how: str, net: Net, train: Train) -> None:
    model = net()
    optimizer = optimizers.build(name, model.parameters(), **cases.OTHER[name])
    train(model, optimizer, 0, 4)
    both = (model, optimizer)
    for _ in range(2):  # a copy of a copy
        both = copy.deepcopy(both) if how == "deepcopy" else pickle.loads(pickle.dumps(both))
    assert equal(list(both[0].parameters()), list(model.parameters()))
    train(model, optimizer, 4, 10)
    train(*both, 4, 10)
    assert equal(list(both[0].parameters()), list(model.parameters()))
    use_averaged_weights(name, optimizer)
    use_averaged_weights(name, both[1])
    assert equal(list(both[0].parameters()), list(model.parameters()))


@every_optimizer
def test_follows_a_schedule_of_the_learning_rate(name: str) -> None:
    params = zeros((4,), (3, 2))
    optimizer = optimizers.build(name, params, lr=cases.lr(name))
    # Seven steps: the slow weights of Lookahead move at the fifth, and are then behind.
    descend(optimizer, params, 7, LambdaLR(optimizer, lambda step: float(step < 7)))
    assert all(group["lr"] == 0 for group in optimizer.param_groups)
    before = values(params)
    descend(optimizer, params, 5)
    assert equal(params, before) == (name not in cases.MOVES_WITHOUT_LR)


@every_optimizer
def test_follows_a_one_cycle_schedule(name: str) -> None:
    def cycled(momentum: bool) -> list[nn.Parameter]:
        params = zeros((4,), (3, 2))
        optimizer = optimizers.build(name, params)
        rates = {"max_lr": cases.lr(name), "total_steps": 31, "cycle_momentum": momentum}
        descend(optimizer, params, 30, OneCycleLR(optimizer, **rates))
        assert all(math.isclose(group["lr"], rates["max_lr"] / 25e4, rel_tol=1e-6) for group in optimizer.param_groups)
        assert finite(params)
        return params

    params = cycled(momentum=False)
    assert quadratic(params).item() < quadratic(zeros((4,), (3, 2))).item()
    defaults = optimizers.build(name, zeros((1,))).defaults
    if "betas" in defaults or "momentum" in defaults:
        assert not equal(cycled(momentum=True), params)
    else:
        with pytest.raises(ValueError, match="must support momentum or beta1"):
            cycled(momentum=True)


@every_optimizer
def test_a_gradient_may_begin_late_under_a_one_cycle_schedule(name: str) -> None:
    """Which sets a momentum that was not there when the optimizer was built."""
    early, late = zeros((4, 2)), zeros((3, 2))
    optimizer = optimizers.build(name, [*early, *late], **cases.rates(name, 0.1))
    has_momentum = "betas" in optimizer.defaults or "momentum" in optimizer.defaults
    scheduler = OneCycleLR(optimizer, max_lr=cases.lr(name) / 10, total_steps=30, cycle_momentum=has_momentum)
    descend(optimizer, early, 7, scheduler)
    descend(optimizer, [*early, *late], 15, scheduler)
    assert finite([*early, *late])
    assert not torch.equal(late[0], zeros((3, 2))[0])


@every_optimizer
def test_a_group_may_be_added_in_the_middle(name: str) -> None:
    early, late = zeros((4, 2), (4,)), zeros((3, 2), (3,))
    optimizer = optimizers.build(name, early, **cases.rates(name))
    descend(optimizer, early, 7)
    optimizer.add_param_group({"params": late})
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 4
    descend(optimizer, [*early, *late], 12)
    assert finite([*early, *late])
    assert all(not torch.equal(p, z) for p, z in zip(late, zeros((3, 2), (3,)), strict=True))
    optimizer.zero_grad()
    assert all(p.grad is None for p in late)
    fresh = optimizers.build(name, early, **cases.rates(name))
    fresh.add_param_group({"params": late})
    fresh.load_state_dict(optimizer.state_dict())


@every_optimizer
@pytest.mark.parametrize("built_elsewhere", [False, True])
def test_a_step_hook_runs_once_a_step(name: str, built_elsewhere: bool) -> None:
    params, calls = zeros((4,), (3, 2)), []
    optimizer = optimizers.build(name, params)
    if built_elsewhere:
        for cls in type(optimizer).__mro__:
            if cls.__module__.startswith(("torch.optim", "pytorch_optimizer")) and cls is not Optimizer:
                with contextlib.suppress(TypeError, ValueError):
                    cls(zeros((4, 4)))
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    descend(optimizer, params, 3)
    assert len(calls) == 3


@every_optimizer
def test_a_parameter_without_a_gradient_stays(name: str) -> None:
    params = zeros((4, 2), (3,))
    unused = nn.Parameter(torch.ones(3, 2))
    alone = zeros((4, 2), (3,))
    descend(optimizers.build(name, [unused, *params]), params, 5)
    descend(optimizers.build(name, alone), alone, 5)
    assert torch.equal(unused, torch.ones(3, 2))
    assert equal(params, alone)
    optimizers.build(name, [unused]).step()
    assert torch.equal(unused, torch.ones(3, 2))


@every_optimizer
@default_and_other_options
def test_a_gradient_may_begin_late(name: str, options: str) -> None:
    built = {**cases.rates(name, 0.1), **options_of(name, options)}
    early, alone = zeros((4, 2)), zeros((4, 2))
    late, fresh = zeros((3, 2), (3,)), zeros((3, 2), (3,))
    optimizer = optimizers.build(name, [*late, *early], **built)
    descend(optimizer, early, 7)
    descend(optimizer, [*early, *late], 12)
    descend(optimizers.build(name, alone, **built), alone, 19)
    assert finite([*early, *late])
    assert quadratic(late).item() < quadratic(fresh).item()
    if name not in cases.WHOLE:
        assert equal(early, alone)
    descend(optimizers.build(name, fresh, **built), fresh, 12)
    assert equal(late, fresh) == (name not in cases.LATE_PARAMETERS)


@every_optimizer
@default_and_other_options
def test_parameters_have_any_shape(name: str, options: str) -> None:
    params = zeros((), (1,), (5,), (2, 3), (2, 3, 3, 3), (0,), (3, 0))
    with torch.no_grad():
        for p in params:
            p.add_(target(p) + 1)
    before = values(params)
    optimizer = optimizers.build(name, params, **{**cases.rates(name, 0.1), **options_of(name, options)})
    descend(optimizer, params, 12)
    use_averaged_weights(name, optimizer)
    assert finite(params)
    assert all(not torch.equal(p, b) for p, b in zip(params, before, strict=True) if p.numel())
    assert all(p.shape == b.shape for p, b in zip(params, before, strict=True))


@every_optimizer
@default_and_other_options
@pytest.mark.parametrize("dtype", [slow(torch.float16), torch.bfloat16, slow(torch.float64)])
def test_parameters_have_any_precision(name: str, options: str, dtype: torch.dtype) -> None:
    results = []
    for kind in (torch.float32, dtype):
        params = zeros((4,), (3, 2), dtype=kind)
        optimizer = optimizers.build(name, params, **{**cases.rates(name, 0.25), **options_of(name, options)})
        descend(optimizer, params, 15)
        use_averaged_weights(name, optimizer)
        assert all(p.dtype is kind for p in params)
        results.append(torch.cat([p.detach().double().flatten() for p in params]))
        assert quadratic(params).item() < quadratic(zeros((4,), (3, 2))).item()
    allowed = {torch.float16: 0.01, torch.bfloat16: 0.05, torch.float64: 1e-5}[dtype]
    assert (results[0] - results[1]).norm() < allowed * results[0].norm() or name in cases.ROUNDING_DECIDES


def floats_of(value: Any) -> list[Tensor]:
    """Every floating-point tensor of a state that is as large as a parameter; counters are not."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() and value.numel() > 1 else []
    if isinstance(value, dict | list):
        return [found for item in (value.values() if isinstance(value, dict) else value) for found in floats_of(item)]
    return []


@every_optimizer
@default_and_other_options
@pytest.mark.parametrize("dtype", [slow(torch.float16), torch.bfloat16])
def test_state_is_float32_for_half_precision(name: str, options: str, dtype: torch.dtype) -> None:
    params = zeros((4,), (3, 2), dtype=dtype)
    optimizer = optimizers.build(name, params, **{**cases.rates(name, 0.1), **options_of(name, options)})
    descend(optimizer, params, 3)
    state = floats_of({key: part for key, part in optimizer.state_dict().items() if key != "param_groups"})
    assert {value.dtype for value in state} <= {torch.float32}


@every_optimizer
@default_and_other_options
@pytest.mark.parametrize(("saved", "loaded"), [(torch.float32, torch.float64), slow(torch.float64, torch.float32)])
def test_a_checkpoint_goes_on_in_another_precision(
    name: str, options: str, saved: torch.dtype, loaded: torch.dtype
) -> None:
    built = {**cases.rates(name, 0.1), **options_of(name, options)}
    first, second = zeros((4,), (3, 2), dtype=saved), zeros((4,), (3, 2), dtype=loaded)
    before, after = optimizers.build(name, first, **built), optimizers.build(name, second, **built)
    descend(before, first, 6)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    with torch.no_grad():
        for p, q in zip(first, second, strict=True):
            q.copy_(p)
    descend(after, second, 6)
    descend(before, first, 6)
    for p, q in zip(first, second, strict=True):
        torch.testing.assert_close(q.to(saved), p, rtol=1e-3, atol=1e-4)


@every_optimizer
@default_and_other_options
@pytest.mark.parametrize("healthy_steps", [slow(0), 3])
@pytest.mark.parametrize("bad", [math.nan, math.inf, slow(-math.inf)])
def test_a_gradient_that_is_not_finite_shows(name: str, options: str, healthy_steps: int, bad: float) -> None:
    params = zeros((4,), (3, 2))
    optimizer = optimizers.build(name, params, **options_of(name, options))
    descend(optimizer, params, healthy_steps)
    before = values(params)
    for p in params:
        p.grad = torch.ones_like(p)
        p.grad.view(-1)[1] = bad
    refusal = refused(optimizer.step, FloatingPointError)
    if refusal is None:
        assert all(not p.isfinite().all() for p in params)
    else:
        assert "got a gradient that is not finite" in refusal
        assert equal(params, before)


@every_optimizer
def test_sparse_gradients_count_as_dense_ones_or_are_refused(name: str) -> None:
    sparse, dense = zeros((4, 2), (4, 2)), zeros((4, 2), (4, 2))
    optimizer = optimizers.build(name, sparse)
    for params in (sparse, dense):
        for p in params:
            p.grad = torch.zeros(4, 2)
            p.grad[1] = 1.0
    grad = sparse[1].grad
    assert grad is not None
    sparse[1].grad = grad.to_sparse()
    refusal = refused(optimizer.step, ValueError, RuntimeError)
    if refusal is None:
        optimizers.build(name, dense).step()
        assert equal(sparse, dense)
    else:
        assert "sparse" in refusal.lower()
        assert equal(sparse, zeros((4, 2), (4, 2)))


@every_optimizer
def test_complex_parameters_count_as_pairs_or_are_refused(name: str) -> None:
    number = nn.Parameter(torch.zeros(3, dtype=torch.complex64))
    pair = nn.Parameter(torch.zeros(3, 2))
    grad = torch.tensor([[1.0, -2.0], [0.5, 0.1], [-3.0, 1.0]])
    refusal = refused(lambda: optimizers.build(name, [number]), optimizers.InputError)
    if refusal is not None:
        assert "real floating-point" in refusal
        return
    ours, theirs = optimizers.build(name, [number]), optimizers.build(name, [pair])
    for _ in range(6):
        number.grad, pair.grad = torch.view_as_complex(grad), grad
        ours.step()
        theirs.step()
    assert not torch.equal(number, torch.zeros_like(number))
    torch.testing.assert_close(torch.view_as_real(number.detach()), pair.detach())


@every_optimizer
@default_and_other_options
def test_gradients_are_left_as_they_were(name: str, options: str) -> None:
    params = [nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(3, 2, dtype=torch.bfloat16))]
    optimizer = optimizers.build(name, params, **options_of(name, options))
    grads = []
    for p in params:
        p.grad = target(p)
        grads.append(p.grad)
    for _ in range(5):
        optimizer.step()
    for p, grad in zip(params, grads, strict=True):
        assert p.grad is grad
        assert torch.equal(grad, target(p))


@every_optimizer
def test_a_closure_computes_the_loss(name: str) -> None:
    ours, theirs = zeros((4,), (3, 2)), zeros((4,), (3, 2))
    optimizer = optimizers.build(name, ours)

    def closure() -> float:
        optimizer.zero_grad()
        loss = quadratic(ours)
        loss.backward()
        return loss.item()

    before = quadratic(ours).item()
    assert optimizer.step(closure) == before
    for _ in range(6):
        optimizer.step(closure)
    descend(optimizers.build(name, theirs), theirs, 7)
    assert equal(ours, theirs)
