"""ADOPT, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, library_decay, lr
from optimizers.entry import OptimizerEntry

ENTRY = OptimizerEntry(
    name="adopt",
    target="optimizers.baselines.library_baselines:ADOPT",
    summary="Adam that divides each gradient by the second moment of those before it",
    rule="""
        g     <- grad + weight_decay theta               weight_decouple: theta <- (1 - lr weight_decay) theta
        v     =  g^2 at the first step, which moves nothing else
        n     =  g / max(sqrt(v), eps), clipped to at most t^(1/4) in size
        m     <- beta1 m + (1 - beta1) n
        theta <- theta - lr m
        v     <- beta2 v + (1 - beta2) g^2
    """,
    source="ADOPT, arXiv 2411.02853",
    special_cases=("m is not debiased: the first steps are short",),
    hyperparameters={**lr(1e-3), **betas(beta2=0.9999), **eps(1e-6), **library_decay(decoupled=False)},
    tuples=BETAS,
    hides_non_finite=True,
)
