"""What MomentAdam may be given, checked without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers import schedules
from optimizers.domains import Choice, Domain, Flag, Integer, Real
from optimizers.errors import InputError

BETA = Real(0, 1, exclude_max=True)
DOMAINS: Mapping[str, Domain] = {
    "lr": Real(0),
    "eps": Real(0, exclude_min=True),
    "weight_decay": Real(0),
    "decoupled": Flag(),
    "debias": Flag(),
    "implementation": Choice(("auto", "reference", "foreach", "fused")),
    "maximize": Flag(),
    "epoch": Integer(1),
}
SCHEDULES = ("beta1_schedule", "beta2_schedule")
OPTIONS = (*DOMAINS, "betas", *SCHEDULES)


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group's options with every one of `OPTIONS` in its canonical form; others pass as they are.

    InputError: a value outside its range, a schedule that leaves [0, 1), a combination that explodes.
    """
    checked = dict(options)
    for name, domain in DOMAINS.items():
        checked[name] = domain.check(options[name], name)
    checked["betas"] = _checked_betas(options["betas"])
    for name, beta in zip(SCHEDULES, checked["betas"], strict=True):
        checked[name] = schedules.normalise(options[name], name)
        schedules.check(checked[name], beta, name)
    refuse_forgetful_denominator(*checked["betas"], *(checked[name] for name in SCHEDULES))
    return checked


def refuse_forgetful_denominator(
    beta1: float, beta2: float, beta1_schedule: Mapping[str, Any], beta2_schedule: Mapping[str, Any]
) -> None:
    """InputError for a constant beta2 of 0 with a beta1 that is not 0. Schedules are normalised ones."""
    forgets = beta2 == 0 and beta2_schedule["kind"] == "constant"
    remembers = beta1 != 0 or beta1_schedule["kind"] != "constant"
    if forgets and remembers:
        raise InputError(
            "beta2 = 0 with beta1 > 0 divides remembered gradients by today's and explodes; "
            "give beta2 > 0, or beta1 = 0 as well."
        )


def _checked_betas(betas: Any) -> tuple[float, float]:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise InputError(f"betas must be a pair of numbers in [0, 1), got {betas!r}.")
    return BETA.check(betas[0], "betas[0]"), BETA.check(betas[1], "betas[1]")
