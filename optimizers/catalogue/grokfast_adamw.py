"""GrokFast with AdamW, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, betas, eps, flag, library_decay, lr
from optimizers.domains import DECAY, NOT_NEGATIVE, Integer
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="grokfast_adamw",
    target="optimizers.baselines.library_baselines:GrokFastAdamW",
    summary="AdamW that amplifies the slow part of the gradients first",
    rule="""
        theta <- (1 - lr weight_decay) theta             without weight_decouple: g = grad + weight_decay theta
        a     <- grokfast_alpha a + (1 - grokfast_alpha) g              a = g at the start
        g     <- g + grokfast_lamb a
        m     <- beta1 m + (1 - beta1) g
        v     <- beta2 v + (1 - beta2) g^2
        theta <- theta - lr m / (1 - beta1^t) / max(sqrt(v / (1 - beta2^t)), eps)
    """,
    source="GrokFast, arXiv 2405.20233",
    special_cases=(
        "grokfast_lamb = 0, or grokfast off: AdamW, but for where eps stands",
        "much the same from moment_adam with mix = inject, beta3 = grokfast_alpha and alpha = grokfast_lamb",
        "lr is that of the steps; the library would divide it by 1 + grokfast_lamb, and its own default is 1e-4",
    ),
    hyperparameters={
        **lr(1e-3),
        **betas(beta2=0.99),
        **flag("grokfast", True, "amplify at all"),
        "grokfast_alpha": Hyperparameter(0.98, "decay of the average that is amplified", DECAY, "per step"),
        "grokfast_lamb": Hyperparameter(2.0, "weight of that average", NOT_NEGATIVE),
        "grokfast_after_step": Hyperparameter(0, "amplify from the next step on", Integer(0), "steps"),
        **eps(1e-8),
        **library_decay(decoupled=True),
    },
    tuples=BETAS,
    fixed={"normalize_lr": False},
)
