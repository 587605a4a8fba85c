"""Schedules of an optimizer's coefficients: plain dicts, checked and evaluated by pure functions."""

from optimizers.schedules._kinds import KINDS, Key, Kind, Need
from optimizers.schedules._schedule import (
    HORIZON,
    Schedule,
    check,
    evaluate,
    get,
    kinds_for,
    names,
    normalise,
    register,
    value,
    with_budget,
)

__all__ = [
    "HORIZON",
    "KINDS",
    "Key",
    "Kind",
    "Need",
    "Schedule",
    "check",
    "evaluate",
    "get",
    "kinds_for",
    "names",
    "normalise",
    "register",
    "value",
    "with_budget",
]
