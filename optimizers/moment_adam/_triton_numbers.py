"""The numbers of one step as the Triton kernel takes them, from the coefficients of the rule."""

from __future__ import annotations

import math
from typing import NamedTuple

from optimizers.moment_adam._rule import CUBE_UNIT, Coefficients, Form


class Blend(NamedTuple):
    """(1 - weight) X + weight Y as kept X + weight (Y - moved X).

    For a small weight a step from X to Y, which keeps every digit of X; for a large one a sum, in which X may be as
    good as gone. `old_change` is (1 - weight)^(1/p) - 1, `new_root` weight^(1/p), where X and Y are p-th powers.
    """

    kept: float
    weight: float
    moved: float
    old_change: float
    new_root: float


class Numbers(NamedTuple):
    """The coefficients as the arithmetic takes them: complements made in float64, where they keep their digits."""

    order: float
    inverse_order: float
    sign: float
    lr: float
    kept: float
    coupled_decay: float
    beta2: float
    new2: float
    short: float
    gradient: float
    long: float
    skew: float
    injection: float
    inverse_divisor: float
    inverse_gauss: float
    floor: float
    skew_denominator: float
    eps: float


def blend(weight: float, order: float) -> Blend:
    """The numbers of a blend of p-th powers, p = `order`."""
    change = math.expm1(math.log1p(-weight) / order) if weight < 1 else -1.0
    kept, moved = (1.0, 1.0) if weight <= 0.5 else (1 - weight, 0.0)
    return Blend(kept, weight, moved, change, weight ** (1 / order))


def numbers(form: Form, c: Coefficients) -> Numbers:
    """The numbers of one step."""
    return Numbers(
        order=c.order,
        inverse_order=1 / c.order if c.order else 0.0,
        sign=-1.0 if form.maximize else 1.0,
        lr=c.lr,
        kept=1 - c.lr * c.weight_decay if form.decoupled else 1.0,
        coupled_decay=c.weight_decay,
        beta2=c.beta2,
        new2=1 - c.beta2,
        short=1 / c.debias1 if form.short_only else c.short,
        gradient=0.0 if form.short_only else c.gradient,
        long=c.long,
        skew=c.skew / CUBE_UNIT,
        injection=c.injection,
        inverse_divisor=1 / c.divisor,
        inverse_gauss=1 / c.gauss,
        floor=c.moment_floor,
        skew_denominator=c.skew_denominator / CUBE_UNIT,
        eps=c.eps,
    )
