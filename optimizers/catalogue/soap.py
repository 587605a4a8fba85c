"""SOAP, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, flag, lr, weight_decay
from optimizers.domains import DECAY, Integer, OrOff
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="soap",
    target="optimizers.baselines.library_baselines:SOAP",
    summary="Adam in the eigenbasis of Shampoo's preconditioner",
    rule="""
        L     <- shampoo_beta L + (1 - shampoo_beta) G G^T;     R likewise from G^T G
        P, Q  =  eigenvectors of L and R, brought up to date every precondition_frequency steps
                 by one power iteration and a QR decomposition
        m     <- beta1 m + (1 - beta1) G
        v     <- beta2 v + (1 - beta2) (P^T G Q)^2
        u     =  (P^T m Q) / (sqrt(v) + eps) sqrt(1 - beta2^t) / (1 - beta1^t)
        theta <- (1 - lr weight_decay) (theta - lr P u Q^T)
    """,
    source="SOAP, arXiv 2409.11321",
    special_cases=(
        "the first step only fills L and R and moves nothing; t counts from the second",
        "more than two dimensions: one preconditioner for each; one dimension: Adam, unless precondition_1d",
        "the library's merge_dims is not offered: it cannot merge a small tensor into one dimension",
    ),
    hyperparameters={
        **lr(3e-3),
        **betas(0.95, 0.95, "squares in the eigenbasis"),
        "shampoo_beta": Hyperparameter(
            None, "decay of the preconditioner's statistics; off: as beta2", OrOff(DECAY), "per step"
        ),
        **weight_decay(1e-2),
        "precondition_frequency": Hyperparameter(10, "between two updates of the eigenbasis", Integer(1), "steps"),
        "max_precondition_dim": Hyperparameter(
            10000, "longest dimension that gets a preconditioner", Integer(1), "elements"
        ),
        **flag("precondition_1d", False, "vectors get a preconditioner too"),
        **flag("correct_bias", True, "debias both averages"),
        **flag("normalize_gradient", False, "scale the update of each tensor to a root mean square of 1"),
        **eps(1e-8),
    },
    tuples=BETAS,
    hides_non_finite=True,
)
