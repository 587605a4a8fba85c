"""The origin's Adam with an added third moment: a reproduction."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, lr
from optimizers.entry import OptimizerEntry

ENTRY = OptimizerEntry(
    name="origin_third_added",
    target="optimizers.baselines.origin_variants:OriginThirdAdded",
    summary="reproduction for figures only: the origin's Adam with an added third moment, which freezes where negative",
    rule="""
        m     <- beta1 m + (1 - beta1) g
        v     <- beta2 v + (1 - beta2) g^2
        s     <- beta2 s + (1 - beta2) g^3                                      primes: debiased
        u     =  m' / (sqrt(v') + s'^(1/3) + eps), and 1e-9 where s < 0
        theta <- theta - lr u
    """,
    source="the project's origin, reconstructed from its description",
    hyperparameters={**lr(1e-3), **betas(second="squares and cubes"), **eps(1e-8)},
    tuples=BETAS,
)
