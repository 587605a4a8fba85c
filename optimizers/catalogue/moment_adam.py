"""MomentAdam, this project's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers import moment_adam_options
from optimizers.catalogue.common import BETAS, betas, eps, flag, lr, weight_decay
from optimizers.entry import Hyperparameter, OptimizerEntry, ScheduleOf


def _refuse_forgetful_denominator(values: Mapping[str, Any]) -> None:
    names = ("beta1", "beta2", *moment_adam_options.SCHEDULES)
    moment_adam_options.refuse_forgetful_denominator(*(values[name] for name in names))


ENTRY = OptimizerEntry(
    name="moment_adam",
    target="optimizers.moment_adam:MomentAdam",
    summary="Adam with scheduled betas and a debias that stays exact under them",
    rule="",
    source="this project; Adam, arXiv 1412.6980",
    hyperparameters={
        **lr(1e-3),
        **betas(),
        "beta1_schedule": Hyperparameter(None, "how beta1 changes", ScheduleOf("beta1")),
        "beta2_schedule": Hyperparameter(None, "how beta2 changes", ScheduleOf("beta2")),
        **eps(1e-8, moment_adam_options.DOMAINS["eps"]),
        **weight_decay(0.0),
        **flag("decoupled", True, "take weight decay from the parameters (AdamW), not the gradients"),
        **flag("debias", True, "divide the averages by the sum of their weights"),
    },
    tuples=BETAS,
    rules=(_refuse_forgetful_denominator,),
)
