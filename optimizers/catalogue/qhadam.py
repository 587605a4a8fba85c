"""QHAdam, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, library_decay, lr
from optimizers.domains import SHARE
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="qhadam",
    target="optimizers.baselines.library_baselines:QHAdam",
    summary="Adam that mixes today's gradient and its square into both averages at the last moment",
    rule="""
        g     <- grad + weight_decay theta               weight_decouple: theta <- (1 - lr weight_decay) theta
        m     <- beta1 m + (1 - beta1) g;   m' = m / (1 - beta1^t)
        v     <- beta2 v + (1 - beta2) g^2; v' = v / (1 - beta2^t)
        theta <- theta - lr ((1 - nu1) g + nu1 m') / (sqrt((1 - nu2) g^2 + nu2 v') + eps)
    """,
    source="Quasi-hyperbolic momentum, arXiv 1810.06801",
    special_cases=(
        "nu1 = nu2 = 1: Adam",
        "nu1 = 0, nu2 = 1: RMSprop with a debiased average",
        "moment_adam with nu1, nu2 and decoupled = false",
        "nu1 = 0.7 and beta1 = 0.995 are the paper's advice; the library's own defaults are Adam's",
    ),
    hyperparameters={
        **lr(1e-3),
        **betas(beta1=0.995),
        "nu1": Hyperparameter(0.7, "share of the average in the numerator, the rest being the gradient", SHARE),
        "nu2": Hyperparameter(1.0, "share of the average in the denominator, the rest being its square", SHARE),
        **eps(1e-8),
        **library_decay(decoupled=False),
    },
    tuples={**BETAS, "nus": ("nu1", "nu2")},
)
