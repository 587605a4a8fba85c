"""Schedules of an optimizer's coefficients: plain dicts, checked and evaluated by pure functions."""

from optimizers.schedules import _kinds as _kinds
from optimizers.schedules._kind import Key, Kind, Need
from optimizers.schedules._own_kind import kind_of
from optimizers.schedules._registered import KINDS, evaluate, get, names, register
from optimizers.schedules._schedule import HORIZON, Schedule, normalise, value, with_budget
from optimizers.schedules._values import check, check_any_length, depends_on_length, kinds_for

__all__ = [
    "HORIZON",
    "KINDS",
    "Key",
    "Kind",
    "Need",
    "Schedule",
    "check",
    "check_any_length",
    "depends_on_length",
    "evaluate",
    "get",
    "kind_of",
    "kinds_for",
    "names",
    "normalise",
    "register",
    "value",
    "with_budget",
]
