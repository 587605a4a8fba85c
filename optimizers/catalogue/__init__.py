"""Every optimizer that a sweep can name, one a file: `ENTRY` in the module of its name.

Defaults are those of the classes themselves; where they differ, `special_cases` says why. Nothing in this package
imports torch.
"""

from __future__ import annotations

import importlib

from optimizers.entry import OptimizerEntry

NAMES = (
    "moment_adam",
    "sgd",
    "adagrad",
    "rmsprop",
    "adam",
    "adamw",
    "nadam",
    "radam",
    "adamax",
    "adabelief",
    "lookahead",
    "lion",
    "muon",
    "ademamix",
    "aggmo",
    "qhadam",
    "soap",
    "schedulefree_adamw",
    "prodigy",
    "adopt",
    "grokfast_adamw",
    "yogi",
    "yellowfin",
    "nadamp",
    "origin_adam",
    "origin_third_added",
    "origin_third_replaces",
)
"""In the order in which they are listed."""

ENTRIES: tuple[OptimizerEntry, ...] = tuple(importlib.import_module(f"{__name__}.{name}").ENTRY for name in NAMES)
