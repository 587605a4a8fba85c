"""The entry of a workload of a user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainables.workloads.workload_entry import WorkloadEntry


def entry_of(target: str, factory: Callable[..., Any]) -> WorkloadEntry:
    """Return the entry of a class or function."""
    raise NotImplementedError


def described(target: str, source: str | None) -> WorkloadEntry:
    """Return what can be said of it without executing anything."""
    raise NotImplementedError
