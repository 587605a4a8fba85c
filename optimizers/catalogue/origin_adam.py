"""The origin's Adam with decaying betas: a reproduction."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, lr
from optimizers.entry import OptimizerEntry

ENTRY = OptimizerEntry(
    name="origin_adam",
    target="optimizers.baselines.origin_variants:OriginAdam",
    summary="reproduction for figures only: the origin's Adam with betas times e^-t, wrong debias included",
    rule="""
        b1, b2 =  beta1 e^-t, beta2 e^-t
        m      <- b1 m + (1 - b1) g
        v      <- b2 v + (1 - b2) g^2
        theta  <- theta - lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)
    """,
    source="the project's origin, reconstructed from its description",
    special_cases=(
        "but for the debias of steps 2 to 5: moment_adam with both schedules exponential_decay and eps = 1e-3",
    ),
    hyperparameters={**lr(1e-3), **betas(), **eps(1e-3)},
    tuples=BETAS,
)
