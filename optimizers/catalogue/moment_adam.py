"""MomentAdam, this project's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers.catalogue.shared_hyperparameters import BETAS
from optimizers.entry import Hyperparameter, OptimizerEntry, ScheduleOf
from optimizers.moment_adam.moment_options import OPTIONS, SCHEDULES, check_together, coefficient_domain


def _check_together(values: Mapping[str, Any]) -> None:
    check_together(values, "moment_adam: ")


ENTRY = OptimizerEntry(
    name="moment_adam",
    target="optimizers.moment_adam:MomentAdam",
    summary="Adam with scheduled memories, moments of any order, skewness, and a long memory, each a setting",
    rule="""
        g     <- grad (+ weight_decay theta unless decoupled)
        m     <- beta1 m + (1 - beta1) g                      short memory
        l     <- beta3 l + (1 - beta3) g                      long memory
        r     =  g, or g - m when central
        s     =  p-th root of the average of |r|^p            p = order, decay beta2
        q     =  signed cube root of the average of r^3       skewness, decay beta4
        u     =  (1 - nu1) g + nu1 m' + alpha l' + kappa q'   primes: debiased, l with slow_debias
        d     =  ((1 - nu2) |r|^p + nu2 s'^p)^(1/p) / c_p + kappa_d max(q', 0) + eps
        theta <- (1 - lr weight_decay) theta - lr gate(u) / d
    """,
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
    hyperparameters={
        **{
            name: Hyperparameter(option.default, option.description, option.domain, option.unit)
            for name, option in OPTIONS.items()
        },
        **{
            name: Hyperparameter(
                None, f"how {coefficient} changes in time", ScheduleOf(coefficient, coefficient_domain(coefficient))
            )
            for name, coefficient in SCHEDULES.items()
        },
    },
    tuples=BETAS,
    rules=(_check_together,),
)
