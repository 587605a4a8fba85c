"""Adagrad, torch's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import eps, lr, weight_decay
from optimizers.domains import NOT_NEGATIVE
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="adagrad",
    target="optimizers.baselines.torch_baselines:Adagrad",
    summary="divides by the root of the sum of all squared gradients",
    rule="""
        g     <- grad + weight_decay theta
        v     <- v + g^2                                 (v = initial_accumulator_value at the start)
        theta <- theta - lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps)
    """,
    source="Duchi et al., JMLR 2011",
    special_cases=("moment_adam with beta1 = 0, beta2_schedule inverse_time, lr and eps over sqrt(t)",),
    hyperparameters={
        **lr(1e-2),
        "lr_decay": Hyperparameter(0.0, "decay of the learning rate with the step", NOT_NEGATIVE, "per step"),
        "initial_accumulator_value": Hyperparameter(
            0.0, "the sum of squares at the start", NOT_NEGATIVE, "gradient squared"
        ),
        **eps(1e-10),
        **weight_decay(),
    },
    fixed={"fused": True},
)
