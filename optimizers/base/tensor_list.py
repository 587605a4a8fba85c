# pyright: reportPrivateImportUsage=false
# Torch documents its kernels over lists of tensors, but exports no public name for them.
"""A list of tensors that is computed with like one tensor: each operation is one call of torch's foreach kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TensorList:
    """Tensors of any shapes, one dtype and one device. Methods are those of `torch.Tensor`, elementwise."""

    tensors: list[Tensor]

    def __add__(self, other: TensorList | float) -> TensorList:
        return TensorList(list(torch._foreach_add(self.tensors, _operand(other))))

    def __sub__(self, other: TensorList | float) -> TensorList:
        return TensorList(list(torch._foreach_sub(self.tensors, _operand(other))))

    def __mul__(self, other: TensorList | float) -> TensorList:
        return TensorList(list(torch._foreach_mul(self.tensors, _operand(other))))

    def __truediv__(self, other: TensorList | float) -> TensorList:
        return TensorList(list(torch._foreach_div(self.tensors, _operand(other))))

    def __neg__(self) -> TensorList:
        return TensorList(list(torch._foreach_neg(self.tensors)))

    def add(self, other: TensorList, *, alpha: float) -> TensorList:
        return TensorList(list(torch._foreach_add(self.tensors, other.tensors, alpha=alpha)))

    def abs(self) -> TensorList:
        return TensorList(list(torch._foreach_abs(self.tensors)))

    def sign(self) -> TensorList:
        return TensorList(list(torch._foreach_sign(self.tensors)))

    def sqrt(self) -> TensorList:
        return TensorList(list(torch._foreach_sqrt(self.tensors)))

    def log(self) -> TensorList:
        return TensorList(list(torch._foreach_log(self.tensors)))

    def exp(self) -> TensorList:
        return TensorList(list(torch._foreach_exp(self.tensors)))

    def log1p(self) -> TensorList:
        return TensorList(list(torch._foreach_log1p(self.tensors)))

    def expm1(self) -> TensorList:
        return TensorList(list(torch._foreach_expm1(self.tensors)))

    def pow(self, exponent: float) -> TensorList:
        return TensorList(list(torch._foreach_pow(self.tensors, exponent)))

    def lerp(self, end: TensorList, weight: float) -> TensorList:
        return TensorList(list(torch._foreach_lerp(self.tensors, end.tensors, weight)))

    def maximum(self, other: TensorList) -> TensorList:
        return TensorList(list(torch._foreach_maximum(self.tensors, other.tensors)))

    def clamp(self, minimum: float, maximum: float) -> TensorList:
        bounded = torch._foreach_clamp_min(self.tensors, minimum)
        return TensorList(list(torch._foreach_clamp_max(bounded, maximum)))

    def clamp_min(self, minimum: float) -> TensorList:
        return TensorList(list(torch._foreach_clamp_min(self.tensors, minimum)))

    def add_(self, other: TensorList | float, *, alpha: float = 1) -> Self:
        if isinstance(other, TensorList):
            torch._foreach_add_(self.tensors, other.tensors, alpha=alpha)
        else:
            torch._foreach_add_(self.tensors, other)
        return self

    def mul_(self, other: TensorList | float) -> Self:
        torch._foreach_mul_(self.tensors, _operand(other))
        return self

    def div_(self, other: TensorList | float) -> Self:
        torch._foreach_div_(self.tensors, _operand(other))
        return self

    def lerp_(self, end: TensorList, weight: float) -> Self:
        torch._foreach_lerp_(self.tensors, end.tensors, weight)
        return self

    def addcmul_(self, first: TensorList, second: TensorList, *, value: float) -> Self:
        torch._foreach_addcmul_(self.tensors, first.tensors, second.tensors, value)
        return self

    def addcdiv_(self, numerator: TensorList, denominator: TensorList, *, value: float) -> Self:
        torch._foreach_addcdiv_(self.tensors, numerator.tensors, denominator.tensors, value)
        return self

    def copy_(self, source: TensorList) -> Self:
        torch._foreach_copy_(self.tensors, source.tensors)
        return self


def per_tensor(function: Callable[..., Tensor], *operands: Any) -> Any:
    """`function`, which reduces whole tensors to a scalar tensor, of tensors or of each of several `TensorList`s."""
    if isinstance(operands[0], TensorList):
        columns = zip(*(operand.tensors for operand in operands), strict=True)
        return TensorList([function(*column) for column in columns])
    return function(*operands)


def _operand(other: TensorList | float) -> list[Tensor] | float:
    return other.tensors if isinstance(other, TensorList) else other
