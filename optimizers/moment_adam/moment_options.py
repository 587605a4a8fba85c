"""What MomentAdam may be given: each option with its default, range, unit and meaning, checked without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from optimizers import schedules
from optimizers.domains import Choice, Domain, Flag, Integer, OrInfinity, OrOff, Real
from optimizers.errors import InputError

BETA = Real(0, 1, exclude_max=True)
SHARE = Real(0, 1)
ORDER = OrOff(OrInfinity(Real(1, 16, exclude_min=True)))
ALPHA = Real(0)


class Option(NamedTuple):
    """One option: its default, range, meaning, and the unit in which it counts, if in any."""

    default: Any
    domain: Domain
    description: str
    unit: str = ""


OPTIONS: Mapping[str, Option] = {
    "lr": Option(1e-3, Real(0), "learning rate", "parameter per unit of direction"),
    "beta1": Option(0.9, BETA, "short memory: decay of the average m of the gradients", "per step"),
    "beta2": Option(0.999, BETA, "moment memory: decay of the average of |gradient|^order", "per step"),
    "eps": Option(1e-8, Real(1e-38), "added to the denominator", "gradient"),
    "weight_decay": Option(0.0, Real(0), "decay of the parameters", "per step and lr"),
    "decoupled": Option(True, Flag(), "take weight decay from the parameters (AdamW), not the gradients"),
    "order": Option(2.0, ORDER, "order p of the denominator's moment; off: no denominator but eps"),
    "order_time": Option(
        "fixed", Choice(("fixed", "matched")), "matched: beta2^(p/2), so that the root forgets as it does at p = 2"
    ),
    "gauss_norm": Option(False, Flag(), "divide the root by that of a unit Gaussian, (E|z|^p)^(1/p)"),
    "beta3": Option(None, OrOff(BETA), "long memory: decay of a second average l of the gradients", "per step"),
    "alpha": Option(0.0, ALPHA, "weight of the long memory in the direction (add), its share (convex), or its "
                    "weight in the gradient (inject)"),
    "slow_debias": Option(False, Flag(), "debias the long memory as well; mix = convex always does"),
    "mix": Option("add", Choice(("add", "convex", "inject")), "add: m + alpha l; convex: (1 - alpha) m + alpha l; "
                  "inject: alpha l goes into the gradient itself (GrokFast)"),
    "beta4": Option(0.999, BETA, "skewness memory: decay of the average of gradient^3", "per step"),
    "kappa": Option(0.0, Real(), "weight of the skewness in the numerator"),
    "kappa_d": Option(0.0, Real(0), "weight of positive skewness in the denominator"),
    "nu1": Option(1.0, SHARE, "quasi-hyperbolic: share of the memory in the numerator, the rest is the gradient"),
    "nu2": Option(1.0, SHARE, "quasi-hyperbolic: share of the memory in the denominator"),
    "central": Option(False, Flag(), "take moments of gradient - m (AdaBelief)"),
    "eps_acc": Option(0.0, Real(0), "added to the moment at every step", "gradient^order"),
    "nesterov": Option(False, Flag(), "look one step ahead in the short memory"),
    "gate": Option("none", Choice(("none", "cautious", "agree", "cosine")), "cautious: move only where the direction "
                   "and the gradient agree; agree, cosine: keep of the long memory what the short one agrees with"),
    "debias": Option(True, Flag(), "divide the averages by the sum of their weights"),
}  # fmt: skip
"""The options that a search may set. In the class, `beta1` and `beta2` are its `betas`."""

SCHEDULES: Mapping[str, str] = {f"{name}_schedule": name for name in ("beta1", "beta2", "beta3", "beta4", "alpha")}
"""Each schedule's option with its coefficient."""

ENGINE: Mapping[str, Domain] = {
    "implementation": Choice(("auto", "reference", "foreach", "fused")),
    "maximize": Flag(),
    "epoch": Integer(1),
}
"""How, where and when a step is computed: not for a search."""

GROUP_KEYS = ("betas", *(set(OPTIONS) - {"beta1", "beta2"}), *SCHEDULES, *ENGINE)


def checked_options(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group's options with every one of `GROUP_KEYS` in its canonical form; others pass as they are.

    InputError: a value outside its range, a schedule that leaves it, a combination that cannot work.
    """
    betas = group["betas"]
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise InputError(f"betas must be a pair of numbers in [0, 1), got {betas!r}.")
    flat = {**group, "beta1": betas[0], "beta2": betas[1]}
    checked = {name: option.domain.check(flat[name], _group_name(name)) for name, option in OPTIONS.items()}
    for name, coefficient in SCHEDULES.items():
        checked[name] = schedules.normalise(group[name], name)
        if checked[coefficient] is not None:
            schedules.check(checked[name], checked[coefficient], name, coefficient_domain(coefficient))
    check_together(checked)
    engine = {name: domain.check(group[name], name) for name, domain in ENGINE.items()}
    pair = (checked.pop("beta1"), checked.pop("beta2"))
    return {**group, **checked, **engine, "betas": pair}


def coefficient_domain(name: str) -> Real:
    """The range of a coefficient that may follow a schedule."""
    return ALPHA if name == "alpha" else BETA


def check_together(values: Mapping[str, Any], owner: str = "") -> None:
    """InputError for checked options, schedules normalised, that are impossible or meaningless together."""
    for wrong, sentence, settings in _combinations(values):
        if wrong:
            raise InputError(owner + sentence).about(*settings)
    if values["mix"] == "convex" and values["beta3"] is not None:
        # The range of the values does not depend on a length that the trial's budget has yet to fill in.
        longest = schedules.HORIZON
        schedule = schedules.with_budget(values["alpha_schedule"], steps=longest, epochs=longest)
        try:
            schedules.check(schedule, values["alpha"], f"{owner}alpha_schedule with mix = convex", SHARE)
        except InputError as error:
            raise error.about("alpha_schedule", "alpha", "mix") from None


def _combinations(values: Mapping[str, Any]) -> list[tuple[bool, str, tuple[str, ...]]]:
    order, long_memory, gate = values["order"], values["beta3"] is not None, values["gate"]
    forgets = order is not None and values["beta2"] == 0 and _constant(values, "beta2")
    remembers = values["beta1"] != 0 or not _constant(values, "beta1")
    weighs_long_memory = values["alpha"] != 0 or not _constant(values, "alpha") or not _constant(values, "beta3")
    never_remembers = values["beta1"] == 0 and _constant(values, "beta1")
    of_the_root = [name for name, off in (("gauss_norm", False), ("nu2", 1), ("eps_acc", 0)) if values[name] != off]
    return [
        (
            forgets and remembers,
            "beta2 = 0 with beta1 > 0 divides remembered gradients by today's and explodes; "
            "give beta2 > 0, or beta1 = 0 as well.",
            ("beta2", "beta1", "beta2_schedule", "beta1_schedule"),
        ),
        (
            weighs_long_memory and not long_memory,
            "alpha and the schedules of alpha and beta3 are those of the long memory, which is off; "
            "give beta3, for example 0.9999.",
            ("alpha", "alpha_schedule", "beta3_schedule", "beta3"),
        ),
        (
            gate in ("agree", "cosine") and (not long_memory or values["mix"] == "inject"),
            f"gate = {gate} selects from the long memory; give beta3, for example 0.9999, and mix = add or convex.",
            ("gate", "mix", "beta3"),
        ),
        (
            order in (None, math.inf) and bool(of_the_root),
            f"{', '.join(of_the_root)} cannot be used with order = {'off' if order is None else 'inf'}, "
            "where there is no root; leave them at their defaults.",
            (*of_the_root, "order"),
        ),
        (
            values["central"] and never_remembers,
            "central with beta1 = 0 takes moments of the gradient's distance to itself, which is 0; give beta1 > 0.",
            ("central", "beta1"),
        ),
    ]


def _constant(values: Mapping[str, Any], coefficient: str) -> bool:
    return values[f"{coefficient}_schedule"]["kind"] == "constant"


def _group_name(name: str) -> str:
    return {"beta1": "betas[0]", "beta2": "betas[1]"}.get(name, name)
