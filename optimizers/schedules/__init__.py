"""Schedules of an optimizer's coefficients: plain dicts, checked and evaluated by pure functions."""

from optimizers.schedules._kinds import KINDS
from optimizers.schedules._schedule import (
    DECAY,
    HORIZON,
    Schedule,
    check,
    evaluate,
    kinds_for,
    normalise,
    value,
    with_budget,
)

__all__ = [
    "DECAY",
    "HORIZON",
    "KINDS",
    "Schedule",
    "check",
    "evaluate",
    "kinds_for",
    "normalise",
    "value",
    "with_budget",
]
