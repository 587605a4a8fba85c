"""Adam, torch's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import AMSGRAD, BETAS, DECOUPLED, betas, eps, lr, weight_decay
from optimizers.entry import OptimizerEntry

ENTRY = OptimizerEntry(
    name="adam",
    target="optimizers.baselines.torch_baselines:Adam",
    summary="averages of the gradient and of its square, both debiased",
    rule="""
        g     <- grad + weight_decay theta
        m     <- beta1 m + (1 - beta1) g
        v     <- beta2 v + (1 - beta2) g^2
        theta <- theta - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
    """,
    source="Adam, arXiv 1412.6980",
    special_cases=("moment_adam with decoupled = false and everything else at its default",),
    hyperparameters={**lr(1e-3), **betas(), **eps(1e-8), **weight_decay(), **AMSGRAD, **DECOUPLED},
    tuples=BETAS,
    fixed={"fused": True},
)
