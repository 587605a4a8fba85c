"""NadamP, this project's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, lr, weight_decay
from optimizers.domains import NOT_NEGATIVE, Real
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="nadamp",
    target="optimizers.baselines.nadamp:NadamP",
    summary="NAdam with decoupled weight decay and a p-th root of the second moment",
    rule="""
        m     <- beta1 m + (1 - beta1) g
        v     <- beta2 v + (1 - beta2) g^2
        u     =  (beta1 m + (1 - beta1) g) / (1 - beta1^t)
        theta <- theta - lr (u / ((v / (1 - beta2^t))^(1/p) + eps) + weight_decay theta)        p = power
    """,
    source="NAdam, OpenReview OM0jvwB8jIp57ZJjtNEZ, as in arXiv 1910.05446; AlgoPerf's NadamP",
    special_cases=(
        "power = 2 and beta1 = 0: adamw with beta1 = 0",
        "power = 2, t large: moment_adam with nesterov, nadam with decoupled weight decay and large momentum_decay",
    ),
    hyperparameters={
        **lr(1e-3),
        **betas(),
        "eps": Hyperparameter(1e-8, "added to the denominator", NOT_NEGATIVE, "gradient^(2/p)"),
        **weight_decay(),
        "power": Hyperparameter(2.0, "p: which root of the second moment is the denominator", Real(1, 16)),
    },
    tuples=BETAS,
)
