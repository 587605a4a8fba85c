"""Yogi, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, library_decay, lr
from optimizers.domains import NOT_NEGATIVE
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="yogi",
    target="optimizers.baselines.library_baselines:Yogi",
    summary="Adam whose second moment moves by no more than today's squared gradient",
    rule="""
        theta <- (1 - lr weight_decay) theta             without weight_decouple: g = grad + weight_decay theta
        m     <- beta1 m + (1 - beta1) g
        v     <- v - (1 - beta2) sign(v - g^2) g^2       m = v = initial_accumulator at the start
        theta <- theta - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
    """,
    source="Zaheer et al., Adaptive Methods for Nonconvex Optimization, NeurIPS 2018",
    hyperparameters={
        **lr(1e-2),
        **betas(),
        "initial_accumulator": Hyperparameter(1e-6, "both averages at the start", NOT_NEGATIVE),
        **eps(1e-3),
        **library_decay(decoupled=True),
    },
    tuples=BETAS,
)
