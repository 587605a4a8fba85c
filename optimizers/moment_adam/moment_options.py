"""MomentAdam's rule, and what it may be given: each option with its default, range, unit and meaning, without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optimizers import schedules
from optimizers.domains import DECAY, NOT_NEGATIVE, SHARE, Choice, Domain, Flag, Integer, OrInfinity, OrOff, Real
from optimizers.errors import InputError
from optimizers.hyperparameter import Hyperparameter, ScheduleOf

RULE = """
        g     <- grad (+ weight_decay theta unless decoupled)
        m     <- beta1 m + (1 - beta1) g                      short memory
        l     <- beta3 l + (1 - beta3) g                      long memory
        r     =  g, or g - m when central
        s     =  p-th root of the average of |r|^p            p = order, decay beta2
        q     =  signed cube root of the average of r^3       skewness, decay beta4
        u     =  (1 - nu1) g + nu1 m' + alpha l' + kappa q'   primes: debiased, l with slow_debias
        d     =  ((1 - nu2) |r|^p + nu2 s'^p)^(1/p) / c_p + kappa_d max(q', 0) + eps
        theta <- (1 - lr weight_decay) theta - lr gate(u) / d
    """
"""The update rule."""

_ORDER = OrOff(OrInfinity(Real(1, 16, exclude_min=True)))
_SCHEDULED = {"beta1": DECAY, "beta2": DECAY, "beta3": DECAY, "beta4": DECAY, "alpha": NOT_NEGATIVE}

OPTIONS: Mapping[str, Hyperparameter] = {
    "lr": Hyperparameter(1e-3, "learning rate", NOT_NEGATIVE, "parameter per unit of direction"),
    "beta1": Hyperparameter(0.9, "short memory: decay of the average m of the gradients", DECAY, "per step"),
    "beta2": Hyperparameter(0.999, "moment memory: decay of the average of |gradient|^order", DECAY, "per step"),
    "eps": Hyperparameter(1e-8, "added to the denominator", Real(1e-38), "gradient"),
    "weight_decay": Hyperparameter(0.0, "decay of the parameters", NOT_NEGATIVE, "per step and lr"),
    "decoupled": Hyperparameter(True, "take weight decay from the parameters (AdamW), not the gradients", Flag()),
    "order": Hyperparameter(2.0, "order p of the denominator's moment; off: no denominator but eps", _ORDER),
    "order_time": Hyperparameter(
        "fixed", "matched: beta2^(p/2), so that the root forgets as it does at p = 2", Choice(("fixed", "matched"))
    ),
    "gauss_norm": Hyperparameter(False, "divide the root by that of a unit Gaussian, (E|z|^p)^(1/p)", Flag()),
    "beta3": Hyperparameter(
        None, "long memory: decay of a second average l of the gradients", OrOff(DECAY), "per step"
    ),
    "alpha": Hyperparameter(
        0.0,
        "weight of the long memory in the direction (add), its share (convex), or its weight in the gradient (inject)",
        NOT_NEGATIVE,
    ),
    "slow_debias": Hyperparameter(False, "debias the long memory as well; mix = convex always does", Flag()),
    "mix": Hyperparameter(
        "add",
        "add: m + alpha l; convex: (1 - alpha) m + alpha l; inject: alpha l goes into the gradient itself (GrokFast)",
        Choice(("add", "convex", "inject")),
    ),
    "beta4": Hyperparameter(0.999, "skewness memory: decay of the average of gradient^3", DECAY, "per step"),
    "kappa": Hyperparameter(0.0, "weight of the skewness in the numerator", Real()),
    "kappa_d": Hyperparameter(0.0, "weight of positive skewness in the denominator", NOT_NEGATIVE),
    "nu1": Hyperparameter(
        1.0, "quasi-hyperbolic: share of the memory in the numerator, the rest is the gradient", SHARE
    ),
    "nu2": Hyperparameter(1.0, "quasi-hyperbolic: share of the memory in the denominator", SHARE),
    "central": Hyperparameter(False, "take moments of gradient - m (AdaBelief)", Flag()),
    "eps_acc": Hyperparameter(0.0, "added to the moment at every step", NOT_NEGATIVE, "gradient^order"),
    "nesterov": Hyperparameter(False, "look one step ahead in the short memory", Flag()),
    "gate": Hyperparameter(
        "none",
        "cautious: move only where the direction and the gradient agree; agree, cosine: keep of the long memory what "
        "the short one agrees with",
        Choice(("none", "cautious", "agree", "cosine")),
    ),
    "debias": Hyperparameter(True, "divide the averages by the sum of their weights", Flag()),
    **{
        f"{name}_schedule": Hyperparameter(None, f"how {name} changes in time", ScheduleOf(name, domain))
        for name, domain in _SCHEDULED.items()
    },
}
"""What a search may set. In the class, `beta1` and `beta2` are its `betas`."""

ENGINE: Mapping[str, Domain] = {
    "implementation": Choice(("auto", "reference", "foreach", "fused")),
    "maximize": Flag(),
    "epoch": Integer(1),
}
"""How, where and when a step is computed: not for a search."""

GROUP_KEYS = ("betas", *(name for name in OPTIONS if name not in ("beta1", "beta2")), *ENGINE)


def checked_options(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group's options with every one of `GROUP_KEYS` in its canonical form; others pass as they are.

    InputError: a value outside its range, a schedule that leaves it, a combination that cannot work.
    """
    betas = group["betas"]
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise InputError(f"betas must be a pair of numbers in [0, 1), got {betas!r}.")
    flat = {**group, "beta1": betas[0], "beta2": betas[1]}
    checked = {name: option.domain.check(flat[name], _group_name(name)) for name, option in OPTIONS.items()}
    for coefficient, domain in _SCHEDULED.items():
        if checked[coefficient] is not None:
            name = f"{coefficient}_schedule"
            schedules.check(checked[name], checked[coefficient], name, domain)
    check_together(checked)
    engine = {name: domain.check(group[name], name) for name, domain in ENGINE.items()}
    pair = (checked.pop("beta1"), checked.pop("beta2"))
    return {**group, **checked, **engine, "betas": pair}


def check_together(values: Mapping[str, Any], owner: str = "") -> None:
    """InputError for checked options, schedules normalised, that are impossible or meaningless together."""
    for wrong, sentence, settings in _combinations(values):
        if wrong:
            raise InputError(owner + sentence).about(*settings)
    if values["mix"] == "convex" and values["beta3"] is not None:
        try:
            schedules.check_any_length(
                values["alpha_schedule"], values["alpha"], f"{owner}alpha_schedule with mix = convex", SHARE
            )
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
