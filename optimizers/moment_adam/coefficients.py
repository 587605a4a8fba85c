"""From a param group and what its averages have seen to the numbers of one step: schedules, debias, weights."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from optimizers import schedules
from optimizers.moment_adam._rule import Coefficients, Form


class Counters(NamedTuple):
    """How many steps a parameter has seen, and the product of each average's decays over them.

    In float64, and exact for any schedule: 1 - product is the sum of the average's weights.
    """

    step: int = 0
    beta1_product: float = 1.0
    beta2_product: float = 1.0
    beta3_product: float = 1.0
    beta4_product: float = 1.0


def form_of(group: Mapping[str, Any]) -> Form:
    """Which parts of the rule a group's options switch on."""
    mix = "none" if group["beta3"] is None else group["mix"]
    skewness = group["kappa"] != 0 or group["kappa_d"] != 0
    decays = group["weight_decay"] != 0
    return Form(
        order=group["order"],
        central=group["central"],
        mix=mix,
        gate=group["gate"],
        short_only=mix in ("none", "inject") and group["kappa"] == 0 and group["nu1"] == 1 and not group["nesterov"],
        skewness=skewness,
        skewed_denominator=group["kappa_d"] != 0,
        quasi_hyperbolic_denominator=group["nu2"] != 1,
        floored=group["eps_acc"] != 0,
        coupled=decays and not group["decoupled"],
        decoupled=decays and group["decoupled"],
        maximize=group["maximize"],
    )


def next_step(group: Mapping[str, Any], seen: Counters) -> tuple[Coefficients, Counters]:
    """The coefficients of the step after those `seen`, and the counters after it."""
    step, order = seen.step + 1, group["order"]
    beta1, beta2 = scheduled(group, "beta1", step), _moment_decay(group, step)
    beta3 = 0.0 if group["beta3"] is None else scheduled(group, "beta3", step)
    beta4, alpha = scheduled(group, "beta4", step), scheduled(group, "alpha", step)
    counters = Counters(
        step,
        seen.beta1_product * beta1,
        seen.beta2_product * beta2,
        seen.beta3_product * beta3,
        seen.beta4_product * beta4,
    )
    debias1, debias2, debias3, debias4 = (1 - product if group["debias"] else 1.0 for product in counters[1:])
    if group["mix"] != "convex" and not group["slow_debias"]:
        debias3 = 1.0
    root_debias4 = debias4 ** (1 / 3)

    # u = nu1 [(1 - w) m' + w l'] + (1 - nu1) g + alpha l' + kappa q', with w or alpha 0 where `mix` is the other.
    share = alpha if group["mix"] == "convex" and group["beta3"] is not None else 0.0
    short, gradient = 1 / debias1, 0.0
    if group["nesterov"]:
        beta1_next = scheduled(group, "beta1", step + 1)
        next_debias1 = 1 - counters.beta1_product * beta1_next if group["debias"] else 1.0
        short, gradient = beta1_next / next_debias1, (1 - beta1) / debias1
    kept = group["nu1"] * (1 - share)
    long = group["nu1"] * share if group["mix"] == "convex" else alpha
    gauss = gaussian_root(order) if group["gauss_norm"] else 1.0
    root_debias2 = 1.0 if order in (None, math.inf) else debias2 ** (1 / order)
    coefficients = Coefficients(
        order=0.0 if order in (None, math.inf) else order,
        lr=group["lr"],
        weight_decay=group["weight_decay"],
        beta1=beta1,
        beta2=beta2,
        beta3=beta3,
        beta4=beta4,
        debias1=debias1,
        short=kept * short,
        gradient=kept * gradient + 1 - group["nu1"],
        long=long / debias3,
        skew=group["kappa"] / root_debias4,
        injection=alpha / debias3,
        divisor=root_debias2 if group["nu2"] != 1 else root_debias2 * gauss,
        gauss=gauss,
        nu2=group["nu2"],
        moment_floor=group["eps_acc"] if order in (2, None) else group["eps_acc"] ** (1 / order),
        skew_denominator=group["kappa_d"] / root_debias4,
        eps=group["eps"],
        constant_steps=step if group["debias"] and _are_powers(counters, beta1, beta2) else 0,
    )
    return coefficients, counters


def _are_powers(counters: Counters, beta1: float, beta2: float) -> bool:
    """Whether the products are powers of today's beta1 and beta2, up to the rounding of as many multiplications."""
    rounding = counters.step * 2.0**-52
    products = ((counters.beta1_product, beta1), (counters.beta2_product, beta2))
    return all(
        math.isclose(product, beta**counters.step, rel_tol=rounding, abs_tol=1e-300) for product, beta in products
    )


@functools.cache
def gaussian_root(order: float | None) -> float:
    """c_p = (E|z|^p)^(1/p) of a unit Gaussian z: 1 at p = 2, 1.316 at p = 4."""
    if order is None:
        return 1.0
    return (2 ** (order / 2) * math.gamma((order + 1) / 2) / math.sqrt(math.pi)) ** (1 / order)


def scheduled(group: Mapping[str, Any], name: str, step: int) -> float:
    """A coefficient at a step: beta1, beta2, beta3, beta4 or alpha."""
    schedule = group[f"{name}_schedule"]
    base = group["betas"][0] if name == "beta1" else group["betas"][1] if name == "beta2" else group[name]
    return schedules.evaluate(schedule, base, step if schedule["unit"] == "step" else group["epoch"])


def _moment_decay(group: Mapping[str, Any], step: int) -> float:
    """beta2; for `matched` that of the p-th power whose root forgets at the rate of p = 2."""
    beta2, order = scheduled(group, "beta2", step), group["order"]
    if group["order_time"] == "fixed" or order is None:
        return beta2
    # A maximum is not a power: its decay is that of the root itself.
    return math.sqrt(beta2) if order == math.inf else beta2 ** (order / 2)
