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
from torch.nn import functional


def linear_cross_entropy(inputs: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """The mean cross-entropy of ``inputs @ weight.T + bias`` to ``targets``, a scalar; None: there is no bias.

    ``inputs`` (n, width), ``weight`` (classes, width), ``bias`` (classes,), ``targets`` (n,), int64. It can be
    differentiated once.
    """
    return _LinearCrossEntropy.apply(inputs, weight, bias, targets)  # pyright: ignore[reportReturnType]


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
        logits = functional.linear(inputs, weight, bias).float()
        rows = torch.arange(len(targets), device=targets.device)
        of_targets = logits[rows, targets]
        greatest = logits.amax(1, keepdim=True)
        shares = logits.sub_(greatest).exp_()
        totals = shares.sum(1, keepdim=True)
        loss = (totals.log() + greatest).mean() - of_targets.mean()
        errors = shares.div_(totals)
        errors[rows, targets] -= 1
        gradients = (errors @ weight).to(inputs.dtype), (errors.t() @ inputs).to(weight.dtype)
        ctx.save_for_backward(*gradients, None if bias is None else errors.sum(0).to(bias.dtype))
        return loss

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's own type
        ctx: Any, *upstream: Tensor
    ) -> tuple[Tensor | None, ...]:
        of_inputs, of_weight, of_bias = ctx.saved_tensors
        scale = upstream[0] / len(of_inputs)
        return of_inputs * scale, of_weight * scale, None if of_bias is None else of_bias * scale, None
