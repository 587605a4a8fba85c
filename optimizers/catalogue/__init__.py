"""Every optimizer that a sweep can name, one a file: `ENTRY` in the module of its name.

Defaults are those of the classes themselves. Nothing in this package imports torch.
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
)
"""In the order in which they are listed."""

ENTRIES: tuple[OptimizerEntry, ...] = tuple(importlib.import_module(f"{__name__}.{name}").ENTRY for name in NAMES)
