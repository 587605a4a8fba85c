# pyright: reportPrivateImportUsage=false
# Torch documents its kernels over lists of tensors, but exports no public name for them.
"""Torch's own fused Adam kernel for MomentAdam's special case, order 2 and a short memory: one pass over memory."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from optimizers.moment_adam._rule import Coefficients, Form

_PLAIN = (Form(), Form(coupled=True), Form(decoupled=True))
_FORMS = {*_PLAIN, *(form._replace(maximize=True) for form in _PLAIN)}
_LATE_STEP = 10**9
_LARGEST_EXACT_STEP = 2**24
"""From here on float32, in which the kernel takes the step, has no room for each."""
_LARGEST_BETA = math.exp(-40 / _LATE_STEP)
"""Its power at the late step is e^-40, below half a unit in the last place of 1.0 in float64."""
_NUMBERS_AT_ONCE = 64

# fmt: off
_KERNEL_ARGUMENTS = [
    "self", "grads", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs", "state_steps", "lr", "beta1", "beta2",
    "weight_decay", "eps", "amsgrad", "maximize", "grad_scale", "found_inf",
]
# fmt: on


def computes(form: Form, c: Coefficients, device: torch.device) -> bool:
    """Whether the kernel is there and computes this form."""
    return (
        form in _FORMS
        and max(c.beta1, c.beta2) <= _LARGEST_BETA
        and device.type in ("cpu", "cuda")
        and _kernel_is_as_expected()
    )


def step(
    params: list[Tensor], grads: list[Tensor], exp_avgs: list[Tensor], exp_avg_sqs: list[Tensor], form: Form,
    c: Coefficients,
) -> None:  # fmt: skip
    """Update the parameters and both averages in place; each with its gradient has one layout in memory.

    The kernel divides by `1 - beta**step`. While beta has not changed that is exact, and the step is that of torch's
    own fused Adam to the last bit. Once beta has changed it is wrong; at a step so late that the power vanishes the
    kernel divides by 1, and the exact divisors are folded into the numbers:

        lr (m/d1) / (sqrt(v)/d2 + eps) = lr' m / (sqrt(v) + eps'),  lr' = lr d2/d1,  eps' = eps d2

    The kernel decays by `1 - lr' wd'`, so wd' = wd lr/lr' keeps the decay at `1 - lr wd`.
    """
    own_debias = 0 < c.constant_steps <= _LARGEST_EXACT_STEP
    number = int(c.constant_steps) if own_debias else _LATE_STEP
    divisor, scale = (1.0, 1.0) if own_debias else (c.divisor, c.divisor / c.debias1)
    kernel = torch._fused_adamw_ if form.decoupled else torch._fused_adam_
    kernel(
        params,
        grads,
        exp_avgs,
        exp_avg_sqs,
        [],
        [_step_number(number, params[0].device)] * len(params),
        lr=c.lr * scale,
        beta1=c.beta1,
        beta2=c.beta2,
        weight_decay=c.weight_decay / scale if form.decoupled else c.weight_decay,
        eps=c.eps * divisor,
        amsgrad=False,
        maximize=form.maximize,
    )


def _step_number(number: int, device: torch.device) -> Tensor:
    """A scalar tensor of the number. On the CPU many are made at once, since most of the cost is that of a call."""
    if device.type != "cpu":  # where another stream might read a kept one before it is written
        return torch.full((), number, dtype=torch.float32, device=device)
    return _step_numbers(number // _NUMBERS_AT_ONCE)[number % _NUMBERS_AT_ONCE]


@functools.lru_cache(maxsize=64)
def _step_numbers(block: int) -> tuple[Tensor, ...]:
    first = block * _NUMBERS_AT_ONCE
    return torch.arange(first, first + _NUMBERS_AT_ONCE, dtype=torch.float32).unbind()


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
