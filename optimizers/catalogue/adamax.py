"""Adamax, torch's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, lr, weight_decay
from optimizers.entry import OptimizerEntry

ENTRY = OptimizerEntry(
    name="adamax",
    target="optimizers.baselines.torch_baselines:Adamax",
    summary="Adam with the largest remembered gradient in place of the second moment",
    rule="""
        g     <- grad + weight_decay theta
        m     <- beta1 m + (1 - beta1) g
        u     <- max(beta2 u, |g| + eps)
        theta <- theta - lr m / (1 - beta1^t) / u
    """,
    source="Adam, arXiv 1412.6980, section 7.1",
    special_cases=("moment_adam with order = inf and decoupled = false",),
    hyperparameters={
        **lr(2e-3),
        **betas(second="absolute values, of which the largest counts"),
        **eps(1e-8),
        **weight_decay(),
    },
    tuples=BETAS,
)
