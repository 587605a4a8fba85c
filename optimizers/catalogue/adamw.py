"""AdamW, torch's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import AMSGRAD, BETAS, betas, eps, lr, weight_decay
from optimizers.entry import OptimizerEntry

ENTRY = OptimizerEntry(
    name="adamw",
    target="optimizers.baselines.torch_baselines:AdamW",
    summary="Adam with decoupled weight decay",
    rule="""
        m     <- beta1 m + (1 - beta1) grad
        v     <- beta2 v + (1 - beta2) grad^2
        theta <- (1 - lr weight_decay) theta
        theta <- theta - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
    """,
    source="AdamW, arXiv 1711.05101",
    special_cases=("weight_decay = 0: Adam", "moment_adam with the same weight_decay"),
    hyperparameters={**lr(1e-3), **betas(), **eps(1e-8), **weight_decay(1e-2), **AMSGRAD},
    tuples=BETAS,
    fixed={"fused": True},
)
