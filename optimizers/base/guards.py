"""What every optimizer here does about input that torch's base class lets pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.errors import InputError


def parameters(optimizer: Optimizer) -> Iterator[Tensor]:
    """The parameters of all groups."""
    return itertools.chain.from_iterable(group["params"] for group in optimizer.param_groups)


def kind_of(optimizer: Optimizer) -> str:
    """Return the name of its class; of what a guard stands before, where it is one."""
    return getattr(optimizer, "kind", type(optimizer).__name__)


def refuse_complex(optimizer: Optimizer) -> None:
    """InputError, the last group taken back, where it has parameters that are not real floating-point tensors."""
    try:
        check_real(optimizer.param_groups[-1]["params"], kind_of(optimizer))
    except InputError:
        optimizer.param_groups.pop()
        raise


def check_real(params: Iterable[Tensor], kind: str) -> None:
    """InputError where one of the parameters is not a real floating-point tensor."""
    for p in params:
        if not p.is_floating_point():
            raise InputError(f"{kind} optimizes real floating-point tensors, got one of type {p.dtype}.")


def refuse_sparse(optimizer: Optimizer) -> None:
    """InputError where any gradient is not dense."""
    for p in parameters(optimizer):
        if p.grad is not None and p.grad.layout is not torch.strided:
            raise InputError(
                f"{kind_of(optimizer)} needs dense gradients, got {p.grad.layout} for a parameter of shape "
                f"{tuple(p.shape)}; an embedding gives dense ones with sparse=False."
            )


def unhooked(step: Any) -> Callable[..., Any]:
    """Return the function of a base's bound `step`, without the hooks that torch puts around it.

    It does so once for every class of which an instance was built, so that they would run for the subclass and again.
    """
    return step.__func__.__wrapped__ if getattr(step, "hooked", False) else step.__func__


def loss_of(closure: Callable[[], float] | None) -> float | None:
    """The loss that a closure computes again, with gradients; None without a closure."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def precise_dtype(p: Tensor) -> torch.dtype:
    """At least float32: averages in bfloat16 stall, as increments below 2^-8 vanish."""
    return torch.float32 if p.dtype in (torch.float16, torch.bfloat16) else p.dtype
