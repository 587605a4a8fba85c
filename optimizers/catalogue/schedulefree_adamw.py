"""ScheduleFree AdamW, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import BETAS, eps, flag, lr, weight_decay
from optimizers.domains import DECAY, NOT_NEGATIVE, Integer, Real
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="schedulefree_adamw",
    target="optimizers.baselines.library_baselines:ScheduleFreeAdamW",
    summary="AdamW that averages its weights in place of a learning rate schedule",
    rule="""
        y     =  (1 - beta1) z + beta1 x                 where gradients are taken: the weights in train mode
        v     <- beta2 v + (1 - beta2) g^2
        d     =  g / (sqrt(v / (1 - beta2^t) + 1e-15) + eps) + weight_decay y
        z     <- z - lr_t d                              lr_t = lr min(1, t / warmup_steps)
        x     <- (1 - c) x + c z                         the weights in eval mode
        c     =  w_t / (w_1 + ... + w_t),  w_t = t^r (largest lr_t so far)^weight_lr_power
    """,
    source="The Road Less Scheduled, arXiv 2405.15682",
    special_cases=(
        "evaluation, and whoever takes the model at the end, need eval(); checkpoints belong to train()",
        "running statistics of batch normalisation are those of y: before a serious evaluation in eval mode, "
        "run some training batches through the model",
        "made for a constant lr after its warm-up, and for a constant beta1",
    ),
    hyperparameters={
        **lr(2.5e-3),
        "beta1": Hyperparameter(
            0.9, "share of x where gradients are taken", Real(0, 1, exclude_min=True, exclude_max=True)
        ),
        "beta2": Hyperparameter(0.999, "decay of the average of squared gradients", DECAY, "per step"),
        **eps(1e-8),
        **weight_decay(),
        "r": Hyperparameter(0.0, "power of the step in the weights of the average", Real()),
        "weight_lr_power": Hyperparameter(2.0, "power of the learning rate in those weights", NOT_NEGATIVE),
        "warmup_steps": Hyperparameter(0, "linear warm-up of the learning rate", Integer(0), "steps"),
        "decoupling_c": Hyperparameter(0, "0, or a factor: c becomes min(1, c (1 - beta1) decoupling_c)", Integer(0)),
        **flag("ams_bound", False, "divide by the largest second moment seen"),
    },
    tuples=BETAS,
    averages_weights=True,
)
