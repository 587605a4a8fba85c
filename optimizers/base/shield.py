"""What code of others may do to parameters and gradients in a step, and what nobody sees of it afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def shielded(params: Iterable[tuple[Tensor, bool]]) -> Iterator[None]:
    """Inside, half-precision parameters are float32 with their gradients, and a gradient that may change is a copy.

    Args:
        params: Each with whether its gradient may be written to. A gradient whose elements lie in another order than
            the parameter's is copied in any case: torch's fused kernels walk over raw memory.
    """
    kept: list[tuple[Tensor, Tensor, Tensor | None]] = []
    for p, written in params:
        if is_half(p) or (p.grad is not None and (written or _in_other_order(p, p.grad))):
            kept.append((p, p.data, p.grad))
    try:
        for p, data, grad in kept:
            p.grad = None
            p.data = data.float() if is_half(data) else data
            p.grad = None if grad is None else _like(p, grad)
        yield
    finally:
        for p, data, grad in kept:
            p.grad = None
            if p.dtype is not data.dtype:
                data.copy_(p.data)
                p.data = data
            p.grad = grad


def is_half(tensor: Tensor) -> bool:
    """Return whether it is of type float16 or bfloat16."""
    return tensor.dtype in (torch.float16, torch.bfloat16)


def _in_other_order(p: Tensor, grad: Tensor) -> bool:
    return grad.layout is torch.strided and grad.stride() != p.stride()


def _like(p: Tensor, grad: Tensor) -> Tensor:
    """A copy of a gradient in the type and, unless it is sparse, the order in memory of its parameter."""
    if grad.layout is not torch.strided:
        return grad.to(p.dtype, copy=True)
    return torch.empty_like(p).copy_(grad)
