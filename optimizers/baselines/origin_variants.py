"""What the project's origin ran, reproduced for figures with its bugs; `MomentAdam` has the sound versions.

The origin's code is not kept; each rule is reconstructed from its description, and each class says what of it is.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optimizers.base.dense_optimizer import DenseOptimizer, Pair, Work, gradient
from optimizers.domains import DECAY, NOT_NEGATIVE, Flag

PATCH = 1e-9
"""What the origin put in place of a nan."""


class _Origin(DenseOptimizer):
    """A rule applied to one parameter after another, after a look at all gradients.

    Where the origin patched nan, it would have hidden one of the gradient too; so every gradient must be finite.
    """

    options: ClassVar = {"lr": NOT_NEGATIVE, "betas": Pair(DECAY), "eps": NOT_NEGATIVE, "maximize": Flag()}

    def update(self, work: Work) -> None:
        """One step; FloatingPointError, before anything changes, for a gradient with nan or inf."""
        if not all(bool(g.isfinite().all()) for _, bucket in work for g in bucket.grads):
            raise FloatingPointError(
                f"{type(self).__name__} got a gradient that is not finite; no parameter has changed."
            )
        for group, bucket in work:
            step = bucket.next_step()
            for p, grad, state in zip(*bucket, strict=True):
                p.add_(self._direction(gradient(p, grad, group["maximize"]), state, group, step), alpha=-group["lr"])

    @abstractmethod
    def _direction(self, g: Tensor, state: dict[str, Any], group: dict[str, Any], step: int) -> Tensor:
        """What lr times is taken from the parameter; moves the memories on."""


class OriginAdam(_Origin):
    """The origin's `Adam_custom`: Adam whose betas decay as e^-t. A reproduction for figures only.

    The rule is that of the catalogue's origin_adam.

    Described: the betas times e^-t, and eps = 1e-3 where beta2 decays. Reconstructed: the debias is that of an Adam
    whose betas are overwritten, as if today's beta had held from the start. The weights of m sum to 1 minus the
    product of all b1, not to 1 - b1^t, so with the default betas m and v come out too small by 2.6 % and 3.2 % at
    t = 2, and by 0.2 % at t = 3.

    The sound version is MomentAdam with `beta1_schedule` and `beta2_schedule` "exponential_decay" and eps = 1e-3: it
    has the same m and v, takes the same first step, and a second one that is 1 % longer; from the fourth on the two
    differ by less than 1e-5. By then both are g / (|g| + eps), with hardly any memory.

    Args:
        params: tensors, named tensors or param groups, as for every torch optimizer.
        lr: learning rate, >= 0.
        betas: the factors on e^-t, in [0, 1).
        eps: >= 0, in units of the gradient; added to the root.
        maximize: ascend.

    FloatingPointError, before anything changes: a gradient with nan or inf. InputError: a value outside its range,
    parameters that are not real floating-point tensors, sparse gradients.
    """

    memories = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-3,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def _direction(self, g: Tensor, state: dict[str, Any], group: dict[str, Any], step: int) -> Tensor:
        beta1, beta2 = (beta * math.exp(-step) for beta in group["betas"])
        m = state["exp_avg"].lerp_(g, 1 - beta1)
        v = state["exp_avg_sq"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
        return m / (1 - beta1**step) / (v / (1 - beta2**step)).sqrt().add_(group["eps"])


class _OriginThird(_Origin):
    """Adam with a cube root of the third moment in its denominator, taken as the origin took it."""

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def _direction(self, g: Tensor, state: dict[str, Any], group: dict[str, Any], step: int) -> Tensor:
        beta1, beta2 = group["betas"]
        debias1, debias2 = 1 - beta1**step, 1 - beta2**step
        m = state["exp_avg"].lerp_(g, 1 - beta1)
        s = state["exp_avg_cube"].mul_(beta2).addcmul_(g * g, g, value=1 - beta2)
        denominator = (s / debias2).pow(1 / 3).add_(group["eps"])
        if "exp_avg_sq" in state:
            v = state["exp_avg_sq"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
            denominator.add_((v / debias2).sqrt_())
        # Only the nan of the root is patched: any other stays in sight.
        return torch.where(s < 0, PATCH, m / debias1 / denominator)


class OriginThirdAdded(_OriginThird):
    """The origin's Adam with the third moment added to the denominator. A reproduction for figures only.

    The rule is that of the catalogue's origin_third_added.

    Described: `x ** (1/3)` of negative numbers, nan, replaced by 1e-9, so that every negative coordinate froze; here
    one whose s is negative, which moves by lr 1e-9 a step. Reconstructed: that the root is a term of the denominator,
    that s decays by beta2, that the betas are constant with Adam's eps. The sound version is MomentAdam's `kappa_d`,
    which adds the signed cube root where it is positive.

    Args, errors: as OriginAdam's, with betas the decays of m and of both moments.
    """

    memories = ("exp_avg", "exp_avg_sq", "exp_avg_cube")


class OriginThirdReplaces(_OriginThird):
    """The origin's Adam with the third moment in place of the second. A reproduction for figures only.

    The rule is that of the catalogue's origin_third_replaces.

    Described: `x ** (1/3)` of negative numbers, nan, replaced by 1e-9, so that every negative coordinate froze; here
    one whose s is negative, which moves by lr 1e-9 a step. Reconstructed: that s decays by beta2, that the betas are
    constant with Adam's eps. The sound version is MomentAdam with order = 3, which takes |g|^3.

    Args, errors: as OriginAdam's, with betas the decays of m and s.
    """

    memories = ("exp_avg", "exp_avg_cube")
