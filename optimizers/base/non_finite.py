# pyright: reportPrivateImportUsage=false
# Torch documents its kernels over lists of tensors, but exports no public name for them.
"""A guard for optimizers whose updates look healthy even where a gradient is nan or infinite."""

from __future__ import annotations

import copyreg
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.base.guards import kind_of, parameters

Closure = Callable[[], float]


def refuse_non_finite(optimizer: Optimizer) -> None:
    """Make every step of this optimizer, and of its copies, raise FloatingPointError for a gradient with nan or inf."""
    optimizer.register_step_pre_hook(_before_step)
    # Torch leaves hooks out of copies and pickles.
    copyreg.pickle(type(optimizer), _reduced)


def _before_step(
    optimizer: Optimizer, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    closure: Closure | None = args[1] if len(args) > 1 else options.get("closure")
    if closure is None:
        check_gradients(optimizer)
        return None

    def checked() -> float:
        loss = closure()
        check_gradients(optimizer)
        return loss

    return args[:1], {"closure": checked}


def check_gradients(optimizer: Optimizer) -> None:
    """Raise FloatingPointError, which names the parameter's shape, where a gradient has nan or inf."""
    # The gradients of each device and type are measured in one go.
    grads: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for p in parameters(optimizer):
        if p.grad is not None and p.grad.layout is torch.strided and p.grad.numel():
            grads.setdefault((p.grad.device, p.grad.dtype), []).append(p.grad)
    for members in grads.values():
        # On a CPU the largest element takes a hundred times as long to find as the Euclidean norm.
        if torch.stack(torch._foreach_norm(members)).isfinite().all():
            continue
        # The norm of large elements is infinite too.
        for g in members:
            if not g.isfinite().all():
                shape = tuple(g.shape)
                raise FloatingPointError(
                    f"{kind_of(optimizer)} got a gradient that is not finite, for a parameter of shape {shape}."
                )


def _reduced(optimizer: Optimizer) -> tuple[Any, ...]:
    """How to copy or pickle an optimizer of a class of which one was guarded."""
    guarded = _before_step in optimizer._optimizer_step_pre_hooks.values()
    return _restored, (type(optimizer), guarded), optimizer.__getstate__()


def _restored(optimizer_class: type[Optimizer], guarded: bool) -> Optimizer:
    """An optimizer without its state yet, guarded as the one that was copied."""
    optimizer = optimizer_class.__new__(optimizer_class)
    if guarded:
        optimizer._optimizer_step_pre_hooks = OrderedDict()
        refuse_non_finite(optimizer)
    return optimizer
