"""MomentAdam, this project's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers.catalogue.shared_hyperparameters import BETAS
from optimizers.entry import OptimizerEntry
from optimizers.moment_adam.moment_options import OPTIONS, RULE, check_together


def _check_together(values: Mapping[str, Any]) -> None:
    check_together(values, "moment_adam: ")


ENTRY = OptimizerEntry(
    name="moment_adam",
    target="optimizers.moment_adam:MomentAdam",
    summary="Adam with scheduled memories, moments of any order, skewness, and a long memory, each a setting",
    rule=RULE,
    source="this project; Adam, arXiv 1412.6980; the class names the papers of its parts",
    special_cases=(
        "adam (decoupled = false) and adamw: everything else at its default",
        "rmsprop: beta1 = 0, debias off, beta2 = alpha",
        "adamax: order = inf",
        "adabelief: central, eps_acc = eps",
        "ademamix: beta3, alpha; warmed up with schedules half_life and warmup",
        "qhadam: nu1, nu2",
        "HAdam: order = 4, eps -> 0",
        "nadam with constant momentum: nesterov",
        "adagrad: beta1 = 0, beta2_schedule inverse_time, lr and eps over sqrt(t)",
        "sgd: beta1 = 0, order off, eps = 1",
        "sign descent: beta1 = beta2 = 0, eps -> 0",
    ),
    hyperparameters=OPTIONS,
    tuples=BETAS,
    rules=(_check_together,),
)
