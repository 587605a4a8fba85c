"""Muon, torch's, with AdamW for what it does not take."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import flag, momentum, weight_decay
from optimizers.domains import DECAY, NOT_NEGATIVE, Choice, Integer
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="muon",
    target="optimizers.baselines.muon_with_adamw:Muon",
    summary="a momentum made orthogonal, for matrices; AdamW for everything else",
    rule="""
        two dimensions:
        B     <- momentum B + (1 - momentum) G
        U     =  (1 - momentum) G + momentum B           without nesterov: B
        O     =  U with every singular value near 1, by ns_steps of a Newton-Schulz iteration
        theta <- (1 - lr weight_decay) theta - lr s O
        s     =  sqrt(max(1, rows / columns))            adjust_lr_fn = original
                 0.2 sqrt(max(rows, columns))            match_rms_adamw
                 sqrt(rows / columns)                    spectral_unclamped
        any other number, convolutions included: AdamW with adamw_lr, ...
    """,
    source="Jordan et al., Muon, 2024; Muon is Scalable, arXiv 2502.16982",
    special_cases=(
        "embeddings and output layers are matrices too, and get Muon here; its authors give them AdamW",
        "lr = 0.02 is its authors'; torch's own default of 1e-3 suits match_rms_adamw, with adamw_lr the same",
        "each param group becomes two, each with its own lr, so that a scheduler acts on both",
    ),
    hyperparameters={
        "lr": Hyperparameter(2e-2, "learning rate of matrices", NOT_NEGATIVE, "parameter per unit of direction"),
        **momentum(0.95),
        **weight_decay(0.1),
        **flag("nesterov", True, "look ahead by the momentum"),
        "ns_steps": Hyperparameter(5, "iterations towards an orthogonal matrix", Integer(1, 99)),
        "adjust_lr_fn": Hyperparameter(
            "original",
            "how the step depends on the shape",
            Choice(("original", "match_rms_adamw", "spectral_unclamped")),
        ),
        "adamw_lr": Hyperparameter(
            1e-3, "learning rate of everything else", NOT_NEGATIVE, "parameter per unit of direction"
        ),
        "adamw_beta1": Hyperparameter(0.9, "AdamW's decay of the average of the gradients", DECAY, "per step"),
        "adamw_beta2": Hyperparameter(0.999, "AdamW's decay of the average of their squares", DECAY, "per step"),
        "adamw_eps": Hyperparameter(1e-8, "added to AdamW's denominator", NOT_NEGATIVE, "gradient"),
        "adamw_weight_decay": Hyperparameter(1e-2, "decay of everything else", NOT_NEGATIVE, "per step and lr"),
    },
    tuples={"adamw_betas": ("adamw_beta1", "adamw_beta2")},
    fixed={"fused": True},
    learning_rates=("lr", "adamw_lr"),
)
