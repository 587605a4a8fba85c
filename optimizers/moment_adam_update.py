# pyright: reportPrivateImportUsage=false
# Torch documents its kernels over lists of tensors, but exports no public name for them.
"""The update rule of MomentAdam, three times: to read, for lists of tensors, and as one fused kernel.

All three compute, for one bucket of parameters that share every coefficient,

    m     <- b1 m + (1 - b1) g
    v     <- b2 v + (1 - b2) g^2
    theta <- theta - lr (m / d1) / (sqrt(v / d2) + eps)

with weight decay added to g (coupled) or taken from theta (decoupled). The order of operations is that of
`torch.optim`, so that the reference and the foreach form are bit-equal to it. Sources: Adam, arXiv 1412.6980;
decoupled weight decay, arXiv 1711.05101.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import torch
from torch import Tensor


class Tensors(NamedTuple):
    """The tensors of a bucket; the i-th of each list belong together. All but `grads` change in place."""

    params: list[Tensor]
    grads: list[Tensor]
    exp_avgs: list[Tensor]
    exp_avg_sqs: list[Tensor]


class Coefficients(NamedTuple):
    """The numbers of one step; `debias1` and `debias2` are the divisors d1 and d2 of m and v."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    decoupled: bool
    maximize: bool
    debias1: float
    debias2: float


def apply(implementation: str, tensors: Tensors, c: Coefficients) -> None:
    """Update a bucket in place with the "reference", "foreach", "fused" or "auto" implementation.

    "auto" means fused, and fused means foreach where the kernel does not apply. Parameters with less
    precision than their averages are updated in a copy and rounded once.
    """
    params, dtype = tensors.params, tensors.exp_avgs[0].dtype
    if params[0].dtype is not dtype:
        precise = tensors._replace(params=[p.to(dtype) for p in params], grads=[g.to(dtype) for g in tensors.grads])
        _dispatch(implementation, precise, c)
        torch._foreach_copy_(params, precise.params)
    else:
        _dispatch(implementation, tensors, c)


def _dispatch(implementation: str, tensors: Tensors, c: Coefficients) -> None:
    if implementation == "reference":
        reference(tensors, c)
    elif implementation != "foreach" and can_fuse(tensors, c):
        fused(tensors, c)
    else:
        foreach(tensors, c)


def single_tensor(param: Tensor, grad: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor, c: Coefficients) -> None:
    """The rule for one parameter: the reference that every other form is held against."""
    grad = -grad if c.maximize else grad
    if c.weight_decay != 0:
        if c.decoupled:
            param.mul_(1 - c.lr * c.weight_decay)
        else:
            grad = grad.add(param, alpha=c.weight_decay)
    exp_avg.lerp_(grad, 1 - c.beta1)
    exp_avg_sq.mul_(c.beta2).addcmul_(grad, grad, value=1 - c.beta2)
    denominator = (exp_avg_sq.sqrt() / c.debias2**0.5).add_(c.eps)
    param.addcdiv_(exp_avg, denominator, value=-(c.lr / c.debias1))


def reference(tensors: Tensors, c: Coefficients) -> None:
    """`single_tensor` over a bucket."""
    for param, grad, exp_avg, exp_avg_sq in zip(*tensors, strict=True):
        single_tensor(param, grad, exp_avg, exp_avg_sq, c)


def foreach(tensors: Tensors, c: Coefficients) -> None:
    """The same operations, each over the whole bucket at once."""
    params, grads, exp_avgs, exp_avg_sqs = tensors
    if c.maximize:
        grads = list(torch._foreach_neg(grads))
    if c.weight_decay != 0:
        if c.decoupled:
            torch._foreach_mul_(params, 1 - c.lr * c.weight_decay)
        else:
            grads = list(torch._foreach_add(grads, params, alpha=c.weight_decay))
    torch._foreach_lerp_(exp_avgs, grads, 1 - c.beta1)
    torch._foreach_mul_(exp_avg_sqs, c.beta2)
    torch._foreach_addcmul_(exp_avg_sqs, grads, grads, 1 - c.beta2)
    denominators = torch._foreach_sqrt(exp_avg_sqs)
    torch._foreach_div_(denominators, c.debias2**0.5)
    torch._foreach_add_(denominators, c.eps)
    torch._foreach_addcdiv_(params, exp_avgs, denominators, -(c.lr / c.debias1))


def fused(tensors: Tensors, c: Coefficients) -> None:
    """Torch's fused Adam kernel, one pass over memory; to be called where `can_fuse` says so.

    The kernel divides by `1 - beta**step`, which is wrong when beta changes. At a step so late that the power
    vanishes it divides by 1, and the exact divisors are folded into the numbers:

        lr (m/d1) / (sqrt(v/d2) + eps) = lr' m / (sqrt(v) + eps'),  lr' = lr sqrt(d2)/d1,  eps' = eps sqrt(d2)

    The kernel decays by `1 - lr' wd'`, so wd' = wd lr/lr' keeps the decay at `1 - lr wd`.
    """
    root = math.sqrt(c.debias2)
    scale = root / c.debias1
    kernel = torch._fused_adamw_ if c.decoupled else torch._fused_adam_
    kernel(
        *tensors,
        [],
        [_late_step(tensors.params[0].device)] * len(tensors.params),
        lr=c.lr * scale,
        beta1=c.beta1,
        beta2=c.beta2,
        weight_decay=c.weight_decay / scale if c.decoupled else c.weight_decay,
        eps=c.eps * root,
        amsgrad=False,
        maximize=c.maximize,
    )


_LATE_STEP = 1e9
_LARGEST_FUSED_BETA = math.exp(-40 / _LATE_STEP)
"""Its power at the late step is e^-40, below half a unit in the last place of 1.0 in float64."""


@functools.cache
def _late_step(device: torch.device) -> Tensor:
    return torch.full((), _LATE_STEP, dtype=torch.float32, device=device)


def can_fuse(tensors: Tensors, c: Coefficients) -> bool:
    """Whether the fused kernel exists and computes this bucket correctly.

    It walks over raw memory: every tensor of a parameter must have the same elements in the same order. The
    state is dense by construction, so equal strides make the others dense too.
    """
    return (
        max(c.beta1, c.beta2) <= _LARGEST_FUSED_BETA
        and tensors.params[0].device.type in ("cpu", "cuda")
        and _kernel_is_as_expected()
        and all(map(_same_layout, tensors.params, tensors.grads, tensors.exp_avgs))
    )


def _same_layout(param: Tensor, grad: Tensor, exp_avg: Tensor) -> bool:
    if type(grad) is not Tensor or param.numel() != exp_avg.numel() or grad.numel() != exp_avg.numel():
        return False
    if param.is_contiguous() and grad.is_contiguous() and exp_avg.is_contiguous():
        return True
    strides = exp_avg.stride()
    return param.shape == exp_avg.shape and param.stride() == strides and grad.stride() == strides


# fmt: off
_KERNEL_ARGUMENTS = [
    "self", "grads", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs", "state_steps", "lr", "beta1", "beta2",
    "weight_decay", "eps", "amsgrad", "maximize", "grad_scale", "found_inf",
]
# fmt: on


@functools.cache
def _kernel_is_as_expected() -> bool:
    """The kernel is a private part of torch: use it only while it takes what it takes in torch 2.14."""
    for name in ("_fused_adam_", "_fused_adamw_"):
        operator = getattr(torch.ops.aten, name, None)
        if not hasattr(torch, name) or operator is None or "default" not in operator.overloads():
            return False
        if [argument.name for argument in operator.default._schema.arguments] != _KERNEL_ARGUMENTS:
            return False
    return True
