"""The entry of an optimizer class of a user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optimizers.entry import OptimizerEntry


def entry_of(target: str, factory: Callable[..., Any]) -> OptimizerEntry:
    """Return the entry of a class or function."""
    raise NotImplementedError


def described(target: str, source: str | None) -> OptimizerEntry:
    """Return what can be said of it without executing anything."""
    raise NotImplementedError
