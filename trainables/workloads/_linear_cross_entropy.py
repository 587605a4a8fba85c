"""Cross-entropy of a linear layer's logits, where there are so many classes that the logits fill the caches.

The gradients are made in the forward pass, from the logits while they are there, in place: three matrix products and
little else. torch's two functions pass over arrays of the logits' size six times more; its own
``linear_cross_entropy`` saves memory in another way and is slower on a CPU (torch 2.14).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def linear_cross_entropy(inputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """The mean cross-entropy of ``inputs @ weight.T + bias`` to ``targets``, a scalar.

    ``inputs`` (n, width), ``weight`` (classes, width), ``bias`` (classes,), ``targets`` (n,), int64. It can be
    differentiated once.
    """
    return _LinearCrossEntropy.apply(inputs, weight, bias, targets)  # pyright: ignore[reportReturnType]


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        logits = torch.addmm(bias, inputs, weight.t()).float()
        rows = torch.arange(len(targets), device=targets.device)
        of_targets = logits[rows, targets]
        greatest = logits.amax(1, keepdim=True)
        shares = logits.sub_(greatest).exp_()
        totals = shares.sum(1, keepdim=True)
        loss = (totals.log() + greatest).mean() - of_targets.mean()
        errors = shares.div_(totals)
        errors[rows, targets] -= 1
        gradients = (errors @ weight, errors.t() @ inputs, errors.sum(0))
        kinds = (inputs.dtype, weight.dtype, bias.dtype)
        ctx.save_for_backward(*(gradient.to(kind) for gradient, kind in zip(gradients, kinds, strict=True)))
        return loss

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's own type
        ctx: Any, *upstream: Tensor
    ) -> tuple[Tensor | None, ...]:
        of_inputs, of_weight, of_bias = ctx.saved_tensors
        scale = upstream[0] / len(of_inputs)
        return of_inputs * scale, of_weight * scale, of_bias * scale, None
