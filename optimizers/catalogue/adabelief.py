"""AdaBelief, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, flag, library_decay, lr
from optimizers.domains import Integer
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="adabelief",
    target="optimizers.baselines.library_baselines:AdaBelief",
    summary="Adam that divides by how far gradients are from their average",
    rule="""
        theta <- (1 - lr weight_decay) theta             without weight_decouple: g = grad + weight_decay theta
        m     <- beta1 m + (1 - beta1) g
        s     <- beta2 s + (1 - beta2) (g - m)^2 + eps
        theta <- theta - lr m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)
        rectify:
        theta <- theta - lr r m / (1 - beta1^t) / (sqrt(s) + eps)       r sqrt-debiased, as in RAdam,
        theta <- theta - lr m / (1 - beta1^t)                           while rho < n_sma_threshold
    """,
    source="AdaBelief, arXiv 2010.07468",
    special_cases=("moment_adam with central, eps = 1e-16 and eps_acc = 1e-16",),
    hyperparameters={
        **lr(1e-3),
        **betas(second="squared distances from that average"),
        **eps(1e-16),
        **library_decay(decoupled=True),
        **flag("rectify", False, "wait, as RAdam, until the variance of the denominator is tractable"),
        "n_sma_threshold": Hyperparameter(
            5, "rectify: length of the average from which it is tractable", Integer(5), "steps"
        ),
        **flag("degenerated_to_sgd", True, "rectify: move without a denominator while waiting, not stand still"),
        **flag("ams_bound", False, "divide by the largest s seen"),
    },
    tuples=BETAS,
)
