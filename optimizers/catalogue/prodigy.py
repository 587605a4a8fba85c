"""Prodigy, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, flag, weight_decay
from optimizers.domains import DECAY, NOT_NEGATIVE, OrInfinity, OrOff, Real
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="prodigy",
    target="optimizers.baselines.library_baselines:Prodigy",
    summary="AdamW that estimates its own learning rate from the distance travelled",
    rule="""
        k     =  d lr                                    bias_correction: times sqrt(1 - beta2^t) / (1 - beta1^t)
        a     <- beta3 a + d / d0 k <g, theta_0 - theta>                over all parameters together
        s     <- beta3 s + d / d0 k g                    safeguard_warmup: d in place of k
        m     <- beta1 m + (1 - beta1) d g
        v     <- beta2 v + (1 - beta2) d^2 g^2
        d     <- the largest d_coef a / |s|_1 so far, at most d growth_rate
        theta <- (1 - k weight_decay) theta - k m / (sqrt(v) + d eps)
    """,
    source="Prodigy, arXiv 2306.06101",
    special_cases=(
        "one lr for all param groups: differing ones are refused, as the library would use the first for all",
        "weight decay is decoupled; the library's coupled form changes gradients after their use, and so does nothing",
    ),
    hyperparameters={
        "lr": Hyperparameter(1.0, "factor on the estimated learning rate; a schedule may change it", NOT_NEGATIVE),
        **betas(),
        "beta3": Hyperparameter(
            None, "decay of both sums of the estimate; off: the root of beta2", OrOff(DECAY), "per step"
        ),
        "d0": Hyperparameter(1e-6, "the estimate at the start", Real(0, exclude_min=True), "parameter"),
        "d_coef": Hyperparameter(1.0, "factor on the estimate", Real(0, exclude_min=True)),
        "growth_rate": Hyperparameter(
            float("inf"), "most that the estimate grows by", OrInfinity(Real(1)), "factor per step"
        ),
        **weight_decay(),
        **flag("fixed_decay", False, "decay is per step alone, whatever the learning rate"),
        **flag("bias_correction", False, "debias both averages"),
        **flag("safeguard_warmup", False, "leave lr out of s, for a warm-up of lr"),
        **eps(1e-8),
    },
    tuples=BETAS,
    fixed={"weight_decouple": True},
)
