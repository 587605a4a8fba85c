"""How a step of MomentAdam is computed: tensor by tensor, by foreach kernels, or by one fused kernel."""

from __future__ import annotations

from itertools import repeat
from typing import Any

from torch import Tensor

from optimizers.base.tensor_list import TensorList
from optimizers.moment_adam import _fused_adam, kernel
from optimizers.moment_adam._rule import Coefficients, Form, Memory, update
from optimizers.moment_adam._tensors import Tensors


def apply(implementation: str, tensors: Tensors, form: Form, c: Coefficients) -> None:
    """Update a bucket in place with the "reference", "foreach", "fused" or "auto" implementation.

    "auto" means fused, and fused means foreach where there is no kernel. Parameters with less precision than
    their averages are updated in a copy and rounded once.
    """
    params, dtype = tensors.params, tensors.short[0].dtype
    if params[0].dtype is not dtype:
        precise = tensors._replace(params=[p.to(dtype) for p in params], grads=[g.to(dtype) for g in tensors.grads])
        _dispatch(implementation, precise, form, c)
        for param, result in zip(params, precise.params, strict=True):
            param.copy_(result)
    else:
        _dispatch(implementation, tensors, form, c)


def _dispatch(implementation: str, tensors: Tensors, form: Form, c: Coefficients) -> None:
    if implementation == "reference":
        reference(tensors, form, c)
    elif implementation == "foreach" or not fused(tensors, form, c):
        foreach(tensors, form, c)


def reference(tensors: Tensors, form: Form, c: Coefficients) -> None:
    """The rule for one tensor after another: what every other implementation is held against."""
    memories = zip(*((column or repeat(None)) for column in tensors[2:]), strict=False)
    for param, grad, memory in zip(tensors.params, tensors.grads, memories, strict=False):
        update(param, grad, Memory(*memory), form, c)


def foreach(tensors: Tensors, form: Form, c: Coefficients) -> None:
    """The same rule, each operation over the whole bucket at once."""
    lists: list[Any] = [TensorList(column) if column else None for column in tensors]  # each in place of a Tensor
    update(lists[0], lists[1], Memory(*lists[2:]), form, c)


def fused(tensors: Tensors, form: Form, c: Coefficients) -> bool:
    """One pass over memory, by torch's kernel or by ours; False, and nothing done, where neither can."""
    if not all(map(_same_layout, tensors.params, tensors.grads, tensors.short)):
        return False
    if _fused_adam.computes(form, c, tensors.params[0].device):
        _fused_adam.step(*tensors[:4], form, c)
        return True
    step = kernel.load(form, tensors.params[0].dtype, tensors.params[0].device)
    if step is None:
        return False
    step(tensors, form, c)
    return True


def _same_layout(param: Tensor, grad: Tensor, exp_avg: Tensor) -> bool:
    """Whether raw memory can be walked over: the same elements in the same order, in all tensors of a parameter.

    The memories are dense by construction and alike, so equal strides make the others dense too.
    """
    if type(grad) is not Tensor or param.numel() != exp_avg.numel() or grad.numel() != exp_avg.numel():
        return False
    if param.is_contiguous() and grad.is_contiguous() and exp_avg.is_contiguous():
        return True
    strides = exp_avg.stride()
    return param.shape == exp_avg.shape and param.stride() == strides and grad.stride() == strides
