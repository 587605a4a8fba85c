"""Settings of MomentAdam for tests: each part of the rule switched on alone, and several together."""

from __future__ import annotations

import math
from typing import Any

LONG: dict[str, Any] = {"beta3": 0.99, "alpha": 2.0}
EACH_ALONE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "order 1.5": {"order": 1.5},
    "order 3": {"order": 3.0},
    "order 4": {"order": 4.0},
    "order 6": {"order": 6.0},
    "order 7.3": {"order": 7.3},
    "order 16": {"order": 16.0},
    "order inf": {"order": math.inf},
    "order off": {"order": None, "eps": 0.5},
    "matched": {"order": 4.0, "order_time": "matched"},
    "gauss_norm": {"order": 3.0, "gauss_norm": True},
    "long": LONG,
    "slow_debias": {**LONG, "slow_debias": True},
    "convex": {"beta3": 0.99, "alpha": 0.4, "mix": "convex"},
    "inject": {**LONG, "mix": "inject"},
    "kappa": {"kappa": 0.3, "beta4": 0.95},
    "kappa_d": {"kappa_d": 0.7, "beta4": 0.95},
    "nu1": {"nu1": 0.6},
    "nu2": {"nu2": 0.6},
    "central": {"central": True},
    "eps_acc": {"eps_acc": 1e-3},
    "nesterov": {"nesterov": True},
    "cautious": {"gate": "cautious"},
    "agree": {**LONG, "gate": "agree"},
    "cosine": {**LONG, "gate": "cosine"},
    "coupled": {"weight_decay": 0.1, "decoupled": False},
    "decoupled": {"weight_decay": 0.1},
    "debias off": {"debias": False},
    "maximize": {"maximize": True},
    "beta schedules": {"beta1_schedule": {"kind": "linear", "to": 0.2, "stop": 20}, "beta2_schedule": "polynomial"},
    "long schedules": {
        **LONG,
        "beta3_schedule": {"kind": "half_life", "start": 0.5, "total": 20},
        "alpha_schedule": {"kind": "warmup", "start": 0, "steps": 10},
        "kappa": 0.1,
        "beta4_schedule": {"kind": "demon", "total": 50},
    },
}
SEVERAL: dict[str, dict[str, Any]] = {
    "all on": {
        **LONG, "order": 4.0, "gauss_norm": True, "kappa": 0.1, "kappa_d": 0.1, "central": True, "nu1": 0.9, "nu2": 0.9,
        "nesterov": True, "gate": "agree", "eps_acc": 1e-3, "weight_decay": 0.01,
    },
    "order 2.5 and cosine": {**LONG, "order": 2.5, "gate": "cosine", "nu2": 0.9, "eps_acc": 1e-3},
}  # fmt: skip
