"""What every optimizer here does about input that torch's base class lets pass, and about what its loading loses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.errors import InputError

Check = Callable[[dict[str, Any]], None]


def parameters(optimizer: Optimizer) -> Iterator[Tensor]:
    """The parameters of all groups."""
    return itertools.chain.from_iterable(group["params"] for group in optimizer.param_groups)


def refuse_complex(optimizer: Optimizer) -> None:
    """InputError, the last group taken back, where it has parameters that are not real floating-point tensors."""
    for p in optimizer.param_groups[-1]["params"]:
        if not p.is_floating_point():
            optimizer.param_groups.pop()
            kind = type(optimizer).__name__
            raise InputError(f"{kind} optimizes real floating-point tensors, got one of type {p.dtype}.")


def refuse_sparse(optimizer: Optimizer) -> None:
    """InputError where any gradient is not dense."""
    for p in parameters(optimizer):
        if p.grad is not None and p.grad.layout is not torch.strided:
            raise InputError(
                f"{type(optimizer).__name__} needs dense gradients, got {p.grad.layout} for a parameter of shape "
                f"{tuple(p.shape)}; an embedding gives dense ones with sparse=False."
            )


def loss_of(closure: Callable[[], float] | None) -> float | None:
    """The loss that a closure computes again, with gradients; None without a closure."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def load_and_keep(optimizer: Optimizer, load: Check, state_dict: dict[str, Any], check: Check) -> dict[str, Any]:
    """Let torch `load` a state dict and return it, for its state in the precision in which it was saved.

    `check` sees it before anything is loaded. Hooks that others have registered may replace the given dict; what is
    checked and returned is what torch loads.
    """
    kept: list[dict[str, Any]] = []

    def check_and_keep(_: Optimizer, loaded: dict[str, Any]) -> None:
        check(loaded)
        kept.append(loaded)

    handle = optimizer.register_load_state_dict_pre_hook(check_and_keep)
    try:
        load(state_dict)
    finally:
        handle.remove()
    return kept[0]


def matched(
    optimizer: Optimizer, state_dict: dict[str, Any]
) -> Iterator[tuple[Tensor, dict[str, Any], dict[str, Any]]]:
    """The parameters with the state and the group saved for each; one that has had no gradient has no state."""
    saved_ids = ((i, group) for group in state_dict["param_groups"] for i in group["params"])
    for (saved_id, group), p in zip(saved_ids, parameters(optimizer), strict=False):  # torch reports a wrong number
        if saved_id in state_dict["state"]:
            yield p, state_dict["state"][saved_id], group


def precise_dtype(p: Tensor) -> torch.dtype:
    """At least float32: averages in bfloat16 stall, as increments below 2^-8 vanish."""
    return torch.float32 if p.dtype in (torch.float16, torch.bfloat16) else p.dtype
