"""RMSprop, torch's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import eps, flag, lr, momentum, weight_decay
from optimizers.domains import DECAY
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="rmsprop",
    target="optimizers.baselines.torch_baselines:RMSprop",
    summary="divides by the root of an average of squared gradients",
    rule="""
        g     <- grad + weight_decay theta
        v     <- alpha v + (1 - alpha) g^2
        b     <- momentum b + g / (sqrt(v) + eps)        centered: sqrt(v - a^2), a the average of g
        theta <- theta - lr b
    """,
    source="Hinton, Coursera lecture 6e, 2012",
    special_cases=("moment_adam with beta1 = 0, beta2 = alpha and debias off, where momentum = 0",),
    hyperparameters={
        **lr(1e-2),
        "alpha": Hyperparameter(0.99, "decay of the average of squared gradients", DECAY, "per step"),
        **eps(1e-8),
        **momentum(),
        **flag("centered", False, "subtract the squared average of the gradients"),
        **weight_decay(),
    },
)
