"""The update rule of MomentAdam, `moment_options.RULE`: `advance` the memories, step along `numerator / denominator`.

Names are those of the rule; c is the average of which q is the root.

Everything here is a pure function of tensors and numbers, for a `Tensor` as for a `TensorList` in its place; only the
memories and theta change. The order of operations is that of `torch.optim`, so that its special cases are bit-equal.
Sources: Adam, arXiv 1412.6980; decoupled decay, 1711.05101; order p, 1910.06878; long memory, AdEMAMix, 2409.03137;
`inject`, GrokFast, 2405.20233; quasi-hyperbolic, 1810.06801; central, AdaBelief, 2010.07468; cautious, 2411.16085.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from optimizers.base.tensor_list import per_tensor

# The average of cubes is one of (CUBE_UNIT r)^3, with |r| as CUBE_LIMIT at most: float32 holds it from |r| = 1e-14 up.
CUBE_UNIT = 1024.0
CUBE_LIMIT = 4e9
# Below it a gradient counts as none: its ratio to the root would not be a number at 0.
TINY = 1e-30


class Form(NamedTuple):
    """Which parts of the rule are on: what a kernel is compiled for. `order` is p, infinity, or None."""

    order: float | None = 2.0
    central: bool = False
    mix: str = "none"
    gate: str = "none"
    short_only: bool = True
    skewness: bool = False
    skewed_denominator: bool = False
    quasi_hyperbolic_denominator: bool = False
    floored: bool = False
    coupled: bool = False
    decoupled: bool = False
    maximize: bool = False


class Coefficients(NamedTuple):
    """The numbers of one step; hats are in the weights and divisors already.

    The direction is `short m + gradient g + long l + skew q`, or `m / debias1` where that is all (`short_only`).
    `divisor` is that of the root s: its debias, and c_p unless the denominator is quasi-hyperbolic. `moment_floor` is
    the p-th root of eps_acc (eps_acc itself at p = 2), `injection` the weight of l in the gradient, `order` p, or 0
    where the form says all. `constant_steps` is the number of steps so far if beta1 and beta2 were the same at each, so
    that Adam's debias by powers of them is exact, and 0 otherwise.
    """

    order: float
    lr: float
    weight_decay: float
    beta1: float
    beta2: float
    beta3: float
    beta4: float
    debias1: float
    short: float
    gradient: float
    long: float
    skew: float
    injection: float
    divisor: float
    gauss: float
    nu2: float
    moment_floor: float
    skew_denominator: float
    eps: float
    constant_steps: float = 0.0


class Memory(NamedTuple):
    """What is remembered of the gradients: m, v (p = 2) or s (else), l and c; None where the form has none."""

    short: Tensor
    moment: Tensor | None
    long: Tensor | None
    cube: Tensor | None


def update(theta: Tensor, grad: Tensor, memory: Memory, form: Form, c: Coefficients) -> None:
    """One step of the rule, in place."""
    g = gradient(theta, grad, memory, form, c)
    r = advance(g, memory, form, c)
    q = None if memory.cube is None else skewness(memory.cube)
    u = numerator(g, q, memory, form, c)
    d = denominator(r, q, memory, form, c)
    if form.gate == "cautious":
        u = u * cautious(u, g)
    if form.decoupled:
        theta.mul_(1 - c.lr * c.weight_decay)
    lr = c.lr / c.debias1 if form.short_only else c.lr
    if isinstance(d, int | float):
        theta.add_(u, alpha=-lr / d)
    else:
        theta.addcdiv_(u, d, value=-lr)


def gradient(theta: Tensor, grad: Tensor, memory: Memory, form: Form, c: Coefficients) -> Tensor:
    """g: the gradient with what is injected from the long memory and what coupled weight decay adds."""
    g = -grad if form.maximize else grad
    if form.mix == "inject" and memory.long is not None:
        memory.long.lerp_(g, 1 - c.beta3)
        g = g.add(memory.long, alpha=c.injection)
    if form.coupled:
        g = g.add(theta, alpha=c.weight_decay)
    return g


def advance(g: Tensor, memory: Memory, form: Form, c: Coefficients) -> Tensor:
    """Move every memory one step on; returns r, of which the moments are taken."""
    memory.short.lerp_(g, 1 - c.beta1)
    if form.mix in ("add", "convex") and memory.long is not None:
        memory.long.lerp_(g, 1 - c.beta3)
    r = g - memory.short if form.central else g
    if memory.moment is not None:
        _advance_moment(memory.moment, r, form, c)
    if memory.cube is not None:
        x = r.clamp(-CUBE_LIMIT, CUBE_LIMIT) * CUBE_UNIT
        memory.cube.lerp_(x * x * x, 1 - c.beta4)
    return r


def _advance_moment(moment: Tensor, r: Tensor, form: Form, c: Coefficients) -> None:
    if form.order == 2:
        moment.mul_(c.beta2).addcmul_(r, r, value=1 - c.beta2)
        if form.floored:
            moment.add_(c.moment_floor)
    elif form.order == math.inf:
        # Here eps is part of the moment, as in torch's Adamax.
        moment.copy_(moment.mul_(c.beta2).maximum(r.abs().add_(c.eps)))
    elif form.order is not None:
        moment.copy_(power_mean(moment, r.abs(), 1 - c.beta2, form.order, c.moment_floor))


def numerator(g: Tensor, q: Tensor | None, memory: Memory, form: Form, c: Coefficients) -> Tensor:
    """u, or m alone where that is the direction but for its debias."""
    if form.short_only:
        return memory.short
    u = memory.short * c.short
    if c.gradient:
        u = u.add_(g, alpha=c.gradient)
    if form.mix in ("add", "convex") and memory.long is not None:
        u = u.add_(_selected(memory.long, memory.short, form.gate), alpha=c.long)
    if q is not None:
        u = u.add_(q, alpha=c.skew)
    return u


def _selected(long: Tensor, short: Tensor, gate: str) -> Tensor:
    """Of the long memory what the short one agrees with."""
    if gate == "agree":
        return long * agreement(long, short)
    if gate == "cosine":
        return long * per_tensor(_positive_cosine, long, short)
    return long


def denominator(r: Tensor, q: Tensor | None, memory: Memory, form: Form, c: Coefficients) -> Tensor | float:
    """d; a number where no part of it is a tensor."""
    d = _root(r, memory, form, c)
    if form.skewed_denominator and q is not None:
        positive = q.clamp_min(0) * c.skew_denominator
        return positive.add_(c.eps) if d is None else d + positive
    return c.eps if d is None else d


def _root(r: Tensor, memory: Memory, form: Form, c: Coefficients) -> Tensor | None:
    """The root of the moment with eps added."""
    if memory.moment is None or form.order is None:
        return None
    if form.order == math.inf:
        return memory.moment
    s = memory.moment.sqrt() if form.order == 2 else memory.moment
    if form.quasi_hyperbolic_denominator:
        s = power_mean(s / c.divisor, r.abs(), 1 - c.nu2, form.order) / c.gauss
    else:
        s = s / c.divisor
    return s.add_(c.eps)


def cautious(u: Tensor, g: Tensor) -> Tensor:
    """1[u g > 0], scaled up in each tensor by n / (number of ones + 1)."""
    mask = agreement(u, g)
    return mask * per_tensor(lambda ones: ones.numel() / (ones.sum() + 1), mask)


def agreement(x: Tensor, y: Tensor) -> Tensor:
    """1 where the signs agree, else 0; nan where either is nan. The product of two small numbers could be 0."""
    return (x.sign() * y.sign()).clamp_min(0)


def power_mean(x: Tensor, y: Tensor, weight: float, p: float, floor: float = 0.0) -> Tensor:
    """`((1 - weight) x^p + weight y^p + floor^p)^(1/p)` of x, y >= 0, without overflow or underflow in between."""
    # x + change x rounds without a lean, which a product with (1 - weight)^(1/p) in float32 has and an average adds up.
    change = math.expm1(math.log1p(-weight) / p) if weight < 1 else -1.0
    mean = _power_sum(x.add(x, alpha=change), y * weight ** (1 / p), p)
    return _power_sum(mean, (mean * 0).add_(floor), p) if floor else mean


def _power_sum(x: Tensor, y: Tensor, p: float) -> Tensor:
    """(x^p + y^p)^(1/p)."""
    largest = x.maximum(y)
    top = largest.clamp_min(TINY)
    ratio = (x / top) * (y / top)  # one of them is 1
    return largest + ((ratio.log() * p).exp().log1p() / p).expm1().mul_(largest)


def skewness(cube: Tensor) -> Tensor:
    """q, the signed cube root of the average of r^3."""
    return cube.sign().mul_(cube.abs().pow(1 / 3)).mul_(1 / CUBE_UNIT)


def _positive_cosine(x: Tensor, y: Tensor) -> Tensor:
    """max(0, cosine of the angle between two tensors); in float64, where squares of float32 stay finite."""
    a, b = x.double().flatten(), y.double().flatten()
    lengths = torch.linalg.vector_norm(a) * torch.linalg.vector_norm(b)
    return (torch.dot(a, b) / lengths.clamp_min(torch.finfo(torch.float64).tiny)).clamp_min(0).to(x.dtype)
