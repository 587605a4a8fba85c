"""NAdam, torch's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, DECOUPLED, betas, eps, lr, weight_decay
from optimizers.domains import NOT_NEGATIVE
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="nadam",
    target="optimizers.baselines.torch_baselines:NAdam",
    summary="Adam with Nesterov momentum on a schedule",
    rule="""
        mu_t  =  beta1 (1 - 0.5 0.96^(t momentum_decay))
        m     <- beta1 m + (1 - beta1) g
        v     <- beta2 v + (1 - beta2) g^2
        u     =  mu_{t+1} m / (1 - prod_{i<=t+1} mu_i) + (1 - mu_t) g / (1 - prod_{i<=t} mu_i)
        theta <- theta - lr u / (sqrt(v / (1 - beta2^t)) + eps)
    """,
    source="NAdam, OpenReview OM0jvwB8jIp57ZJjtNEZ",
    special_cases=("momentum_decay very large: moment_adam with nesterov",),
    hyperparameters={
        **lr(2e-3),
        **betas(),
        **eps(1e-8),
        **weight_decay(),
        "momentum_decay": Hyperparameter(4e-3, "speed of the momentum's schedule", NOT_NEGATIVE, "per step"),
        **DECOUPLED,
    },
    tuples=BETAS,
)
