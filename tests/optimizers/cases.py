"""What the suite over all optimizers needs to know of each: other options, rates, and where one behaves differently."""

from __future__ import annotations

from typing import Any

import optimizers

NAMES = (*optimizers.names(), "lookahead(sgd)")

OTHER: dict[str, dict[str, Any]] = {
    "moment_adam": {
        "beta1": 0.8,
        "weight_decay": 0.01,
        "beta1_schedule": {"kind": "linear", "to": 0.5, "stop": 30},
        "beta2_schedule": "polynomial",
    },
    "sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "adagrad": {"lr_decay": 0.01, "initial_accumulator_value": 0.1},
    "rmsprop": {"momentum": 0.5, "centered": True, "alpha": 0.9},
    "adam": {"beta2": 0.99, "amsgrad": True, "weight_decay": 0.01},
    "adamw": {"beta1": 0.5, "weight_decay": 0.1},
    "nadam": {"momentum_decay": 0.01},
    "radam": {"weight_decay": 0.01, "decoupled_weight_decay": True},
    "adamax": {"beta1": 0.8, "weight_decay": 0.01},
    "adabelief": {"rectify": True, "weight_decay": 0.01, "weight_decouple": False},
    "lookahead": {"lookahead_k": 3, "lookahead_alpha": 0.8, "amsgrad": True},
    "lookahead(sgd)": {"lookahead_k": 2, "momentum": 0.9, "weight_decay": 0.01},
    "lion": {"beta1": 0.95, "beta2": 0.98, "weight_decay": 0.01, "weight_decouple": False},
    "muon": {
        "momentum": 0.8,
        "weight_decay": 0,
        "nesterov": False,
        "adjust_lr_fn": "match_rms_adamw",
        "adamw_beta1": 0.8,
    },
    "ademamix": {"alpha": 2.0, "beta3": 0.999, "t_alpha_beta3": 15, "weight_decay": 0.01, "weight_decouple": False},
    "aggmo": {"damping_count": 2, "damping_base": 0.2, "weight_decay": 0.01},
    "qhadam": {"nu1": 0.5, "nu2": 0.9, "weight_decay": 0.01},
    "soap": {"precondition_frequency": 2, "precondition_1d": True, "shampoo_beta": 0.9, "normalize_gradient": True},
    "schedulefree_adamw": {"warmup_steps": 5, "r": 1.0, "weight_decay": 0.01, "ams_bound": True, "decoupling_c": 2},
    "prodigy": {"d0": 1e-3, "beta3": 0.99, "growth_rate": 1.5, "bias_correction": True, "weight_decay": 0.01},
    "adopt": {"beta2": 0.99, "weight_decay": 0.01},
    "grokfast_adamw": {"grokfast_lamb": 1.0, "grokfast_after_step": 3, "weight_decay": 0.1, "weight_decouple": False},
    "yogi": {"initial_accumulator": 1e-3, "weight_decay": 0.01, "weight_decouple": False},
    "yellowfin": {"window": 5, "smooth": False, "weight_decay": 0.01},
    "nadamp": {"power": 3.0, "weight_decay": 0.01},
    "origin_adam": {"beta1": 0.8},
    "origin_third_added": {"beta1": 0.8},
    "origin_third_replaces": {"beta1": 0.8},
}
"""Options other than the defaults, chosen to reach other code."""

LEARNING_RATES = {"adagrad": 1.0, "lookahead(sgd)": 0.3, "prodigy": 1.0, "yellowfin": 4.0}
"""For a small problem, where 0.1 is too little: Adagrad's steps shrink, Lookahead goes half the way; the others take a
factor on their own rate."""


def lr(name: str) -> float:
    """A learning rate at which 150 steps solve a small problem."""
    return LEARNING_RATES.get(name, 0.1)


def rates(name: str, share: float = 1.0) -> dict[str, float]:
    """That rate, or a share of it, for every kind of parameter that the optimizer tells apart."""
    return dict.fromkeys(optimizers.get(name).learning_rates, share * lr(name))


# Where an optimizer cannot be held to what holds for the others: each with the reason.

WHOLE = {
    "prodigy": "its one learning rate comes from all parameters together",
    "yellowfin": "its one learning rate and momentum come from all parameters together",
}
"""What one parameter does depends on the others."""

ONE_LR = {"prodigy": "the estimate knows one lr; different ones in param groups are refused"}

LATE_PARAMETERS = {
    **WHOLE,
    **dict.fromkeys(
        ["adabelief", "ademamix", "soap", "schedulefree_adamw", "adopt", "grokfast_adamw", "yogi"],
        "counts steps by group: a late parameter is debiased, clipped or averaged as if it had begun with the others",
    ),
    **dict.fromkeys(["lookahead", "lookahead(sgd)"], "slow weights follow at the same steps for all parameters"),
}
"""A parameter whose gradients begin late does not start as it would alone."""

MOVES_WITHOUT_LR = {
    **dict.fromkeys(["lookahead", "lookahead(sgd)"], "the slow weights still follow the fast ones"),
    "schedulefree_adamw": "the average x still follows z",
}

FREEZES = dict.fromkeys(
    ["origin_third_added", "origin_third_replaces"],
    "a coordinate with a negative gradient does not move: the origin's mistake",
)
"""Goes down, but cannot get to the bottom."""

ROUNDING_DECIDES = {
    "soap": "gradients of rank one have no eigenvectors of their own beyond the first; rounding chooses them"
}
"""Another precision may take another way."""
