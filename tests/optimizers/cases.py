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

# Cases of the suite that do not hold for an optimizer, each with the reason.

_BY_GROUP = "counts steps by group: a late parameter is debiased, clipped or averaged as if it had begun earlier"

_WHOLE = {"parameters_are_independent": "its one learning rate comes from all parameters together"}
_SLOW_WEIGHTS = {
    "a_late_parameter_begins_as_if_alone": "slow weights follow at the same steps for all parameters",
    "lr_0_moves_nothing": "the slow weights still follow the fast ones",
}
_FREEZES = {
    "goes_down_a_quadratic": "a coordinate with a negative gradient does not move: the origin's mistake",
}
_ROUNDING = "gradients of rank one have no eigenvectors of their own beyond the first; rounding chooses them"
EXCEPTIONS: dict[str, dict[str, str]] = {
    **{
        name: {"a_late_parameter_begins_as_if_alone": _BY_GROUP}
        for name in ("adabelief", "ademamix", "adopt", "grokfast_adamw", "yogi")
    },
    "soap": {"a_late_parameter_begins_as_if_alone": _BY_GROUP},
    "schedulefree_adamw": {
        "a_late_parameter_begins_as_if_alone": _BY_GROUP,
        "lr_0_moves_nothing": "the average x still follows z",
    },
    "prodigy": _WHOLE,
    "yellowfin": {**_WHOLE, "a_late_parameter_begins_as_if_alone": "its tuner has seen the others' gradients"},
    "lookahead": _SLOW_WEIGHTS,
    "lookahead(sgd)": _SLOW_WEIGHTS,
    "origin_third_added": _FREEZES,
    "origin_third_replaces": _FREEZES,
}
OF_OTHER_OPTIONS = {
    "prodigy": {"a_late_parameter_begins_as_if_alone": "its one learning rate comes from all parameters together"},
}
"""Those that hold at the defaults, and not with the other options."""
ROUNDING_DECIDES = {
    "soap": {
        "float16_parameters_are_trained": _ROUNDING,
        "float64_parameters_are_trained": _ROUNDING,
        "parameters_lie_in_any_order_in_memory": _ROUNDING,
    }
}
"""What holds on some processors and not on others, which take another way."""


def exceptions(name: str, options: str) -> dict[str, str]:
    """The cases that do not hold for an optimizer at its defaults or with its other options."""
    return {**EXCEPTIONS.get(name, {}), **(OF_OTHER_OPTIONS.get(name, {}) if options == "other" else {})}
