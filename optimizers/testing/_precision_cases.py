"""Parameters of other types than float32."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from optimizers.errors import InputError
from optimizers.testing._case_registry import advisory, at_some_rate, case
from optimizers.testing._problems import descend, distance, quadratic, refused, zeros
from optimizers.testing.optimizer_subject import Subject, use_averages

HALF = (torch.float16, torch.bfloat16)


@case
def float16_parameters_are_trained(subject: Subject) -> None:
    """Parameters in float16 go the way of those in float32, up to rounding."""
    _same_way(subject, torch.float16, 0.01)


@case
def bfloat16_parameters_are_trained(subject: Subject) -> None:
    """Parameters in bfloat16 go the way of those in float32, up to rounding."""
    _same_way(subject, torch.bfloat16, 0.05)


@case
def float64_parameters_are_trained(subject: Subject) -> None:
    """Parameters in float64 go the way of those in float32, up to rounding."""
    _same_way(subject, torch.float64, 1e-5)


def _same_way(subject: Subject, dtype: torch.dtype, allowed: float) -> None:
    def check(rates: dict[str, float]) -> None:
        ends = []
        for kind in (torch.float32, dtype):
            params = zeros(dtype=kind)
            before = quadratic(params).item()
            optimizer = subject.build(params, **rates)
            descend(optimizer, params, 15)
            use_averages(optimizer)
            assert all(p.dtype is kind for p in params), f"turns {kind} into another type"
            ends.append(torch.cat([p.detach().double().flatten() for p in params]))
            assert quadratic(params).item() < before, f"does not go down in {kind}"
        apart = float((ends[0] - ends[1]).norm() / ends[0].norm())
        assert apart < allowed, f"ends elsewhere in {dtype} than in float32, by {apart:.2g} of the way"

    at_some_rate(subject, check, share=0.25)


@case
def state_is_float32_for_half_precision(subject: Subject) -> None:
    """Averages are kept in float32 for float16 and bfloat16, where small increments would vanish."""
    for dtype in HALF:
        params = zeros(dtype=dtype)
        optimizer = subject.build(params)
        descend(optimizer, params, 3)
        state = {key: part for key, part in optimizer.state_dict().items() if key != "param_groups"}
        kinds = {value.dtype for value in floats_of(state)} - {torch.float32, torch.float64}
        assert not kinds, f"keeps state in {', '.join(map(str, kinds))} for parameters in {dtype}"


def floats_of(value: Any) -> list[Tensor]:
    """Return every floating-point tensor of a state that has more than one element; counters have one."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() and value.numel() > 1 else []
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [found for member in members for found in floats_of(member)]


@case
def a_checkpoint_goes_on_in_float64(subject: Subject) -> None:
    """A checkpoint of a model in float32 goes on in float64, up to rounding."""
    _goes_on(subject, torch.float32, torch.float64)


@case
def a_checkpoint_goes_on_in_float32(subject: Subject) -> None:
    """A checkpoint of a model in float64 goes on in float32, up to rounding."""
    _goes_on(subject, torch.float64, torch.float32)


def _goes_on(subject: Subject, saved: torch.dtype, loaded: torch.dtype) -> None:
    rates = subject.searched_rates(0.1)[0]
    first, second = zeros(dtype=saved), zeros(dtype=loaded)
    before, after = subject.build(first, **rates), subject.build(second, **rates)
    descend(before, first, 6)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    with torch.no_grad():
        for p, q in zip(first, second, strict=True):
            q.copy_(p)
    descend(after, second, 6)
    descend(before, first, 6)
    apart = distance([q.to(saved) for q in second], first)
    assert apart < 1e-3, f"ends elsewhere in {loaded} than in {saved} (by {apart:.2g})"


@advisory
def complex_parameters_count_as_pairs_or_are_refused(subject: Subject) -> None:
    """Complex parameters take the steps of pairs of real ones, or are refused in a sentence."""
    number = nn.Parameter(torch.zeros(3, dtype=torch.complex64))
    pair = nn.Parameter(torch.zeros(3, 2))
    grad = torch.tensor([[1.0, -2.0], [0.5, 0.1], [-3.0, 1.0]])
    if refused(lambda: subject.build([number]), InputError) is not None:
        return
    ours, theirs = subject.build([number]), subject.build([pair])
    for _ in range(6):
        number.grad, pair.grad = torch.view_as_complex(grad), grad
        ours.step()
        theirs.step()
    assert bool(number.detach().abs().sum()), "does not move complex parameters"
    apart = distance([torch.view_as_real(number.detach())], [pair])
    assert apart < 1e-5, f"complex parameters take other steps than pairs of real ones (by {apart:.2g})"
