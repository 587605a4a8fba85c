"""AdEMAMix, pytorch-optimizer's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers.catalogue.shared_hyperparameters import betas, eps, library_decay, lr
from optimizers.domains import DECAY, NOT_NEGATIVE, Integer, OrOff
from optimizers.entry import OptimizerEntry
from optimizers.errors import InputError
from optimizers.hyperparameter import Hyperparameter


def _refuse_warmup_from_zero(values: Mapping[str, Any]) -> None:
    if values["t_alpha_beta3"] is not None and 0 in (values["beta1"], values["beta3"]):
        refused = InputError("ademamix: t_alpha_beta3 goes from beta1 to beta3, which must both be > 0; or off.")
        raise refused.about("t_alpha_beta3", "beta1", "beta3")


ENTRY = OptimizerEntry(
    name="ademamix",
    target="optimizers.baselines.library_baselines:AdEMAMix",
    summary="AdamW with a second, much longer memory of the gradients beside the first",
    rule="""
        a     =  min(t / t_alpha_beta3, 1)               off: 1
        b3    =  exp(1 / ((1 - a) / ln beta1 + a / ln beta3))
        theta <- (1 - lr weight_decay) theta             without weight_decouple: g = grad + weight_decay theta
        m     <- beta1 m + (1 - beta1) g
        l     <- b3 l + (1 - b3) g
        v     <- beta2 v + (1 - beta2) g^2
        theta <- theta - lr (m / (1 - beta1^t) + a alpha l) / (sqrt(v / (1 - beta2^t)) + eps)
    """,
    source="AdEMAMix, arXiv 2409.03137",
    special_cases=(
        "alpha = 0: AdamW",
        "moment_adam with beta3 and alpha; with its schedules half_life and linear for the warm-up",
        "as in the paper, decay is decoupled, and the warm-up takes the whole trial; "
        "the library's own defaults are coupled decay and no warm-up",
    ),
    hyperparameters={
        **lr(1e-3),
        **betas(),
        "beta3": Hyperparameter(0.9999, "decay of the long memory", DECAY, "per step"),
        "alpha": Hyperparameter(5.0, "weight of the long memory beside the short one", NOT_NEGATIVE),
        "t_alpha_beta3": Hyperparameter(
            None, "warm-up of alpha and beta3; the length of the trial where none is given", OrOff(Integer(1)), "steps"
        ),
        **eps(1e-8),
        **library_decay(decoupled=True),
    },
    tuples={"betas": ("beta1", "beta2", "beta3")},
    lengths=("t_alpha_beta3",),
    rules=(_refuse_warmup_from_zero,),
)
