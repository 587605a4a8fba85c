"""Lion, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, library_decay, lr
from optimizers.domains import DECAY
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="lion",
    target="optimizers.baselines.library_baselines:Lion",
    summary="steps of one length: the sign of an interpolated momentum",
    rule="""
        theta <- (1 - lr weight_decay) theta             without weight_decouple: g = grad + weight_decay theta
        u     =  sign(beta1 m + (1 - beta1) g)
        theta <- theta - lr u
        m     <- beta2 m + (1 - beta2) g
    """,
    source="Lion, arXiv 2302.06675",
    special_cases=(
        "beta1 = beta2: Signum, the sign of a momentum",
        "beta1 = 0: sign descent",
        "the paper takes an lr 3 to 10 times smaller than AdamW's, and a weight_decay as many times larger",
    ),
    hyperparameters={
        **lr(1e-4),
        "beta1": Hyperparameter(0.9, "share of the memory in the direction", DECAY),
        "beta2": Hyperparameter(0.99, "decay of the memory, the average of the gradients", DECAY, "per step"),
        **library_decay(decoupled=True),
    },
    tuples=BETAS,
    hides_non_finite=True,
)
