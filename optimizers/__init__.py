"""The mathematics: MomentAdam, its schedules, and a registry of every optimizer a sweep can name.

Importing this package does not import torch; `build` does, when it needs an optimizer's class.
"""

from __future__ import annotations

from optimizers import schedules
from optimizers.entry import OptimizerEntry
from optimizers.errors import InputError, Problem, did_you_mean, raise_any
from optimizers.factory import build, get, names, register
from optimizers.hyperparameter import Hyperparameter

__all__ = [
    "Hyperparameter",
    "InputError",
    "OptimizerEntry",
    "Problem",
    "build",
    "did_you_mean",
    "get",
    "names",
    "raise_any",
    "register",
    "schedules",
]
