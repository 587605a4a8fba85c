"""RAdam, torch's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, DECOUPLED, betas, eps, lr, weight_decay
from optimizers.entry import OptimizerEntry

ENTRY = OptimizerEntry(
    name="radam",
    target="optimizers.baselines.torch_baselines:RAdam",
    summary="Adam that waits until the variance of its denominator is tractable",
    rule="""
        m, v   as in Adam;  rho_inf = 2 / (1 - beta2) - 1;  rho = rho_inf - 2 t beta2^t / (1 - beta2^t)
        r     =  sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho))
        u     =  m / (1 - beta1^t)
        theta <- theta - lr r u sqrt(1 - beta2^t) / (sqrt(v) + eps)     where rho > 5
        theta <- theta - lr u                                           before
    """,
    source="RAdam, arXiv 1908.03265",
    special_cases=("t large: Adam",),
    hyperparameters={**lr(1e-3), **betas(), **eps(1e-8), **weight_decay(), **DECOUPLED},
    tuples=BETAS,
)
