"""The kinds by name: ours, those of plugins, and functions of a user's own by "module:function"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from optimizers import user_code
from optimizers.errors import InputError
from optimizers.registry import Registry
from optimizers.schedules._kind import Kind
from optimizers.schedules._own_kind import described_kind, kind_of

K = TypeVar("K", bound=Kind | Callable[..., float])


def _adopt(name: str, target: str, found: Any) -> Kind:
    return replace(found, name=name) if isinstance(found, Kind) else kind_of(name, found)


KINDS: Registry[Kind] = Registry("kind of schedule", group="adamant.schedules", adopt=_adopt)


def register(kind: K) -> K:
    """Let sweeps and optimizers name a kind of schedule, which is then checked, evaluated and listed as ours are.

    Also a decorator of a function as `kind_of` takes it, which is then called by its own name. Returns what it is
    given. A schedule is evaluated in every step of every process that trains, so each of them has to register it.

    InputError: the name is taken, or the function cannot be a schedule.
    """
    given: Any = kind
    KINDS.register(given if isinstance(given, Kind) else kind_of(given.__name__, given))
    return kind


def names() -> tuple[str, ...]:
    """Return the names of all kinds."""
    return KINDS.names()


def get(name: str) -> Kind:
    """Return the kind of that name; InputError with the nearest name when there is none.

    "module:function" is a function of a user's own, see `optimizers.user_code`.
    """
    if user_code.is_own(name):
        return _own(name, user_code.current().digest, user_code.is_importable(name))
    return KINDS.get(name)


@lru_cache
def _own(name: str, digest: str, importable: bool) -> Kind:
    """The kind of a user's function, derived once from the code of that digest: from it itself, or from its text."""
    if importable:
        return _adopt(name, name, user_code.resolve(name))
    return described_kind(name)


def evaluate(full: Mapping[str, Any], base: float, t: float) -> float:
    """`value` for a schedule that has passed `check`: no questions asked, for the training loop."""
    formula = get(full["kind"]).formula
    if formula is None:
        raise InputError(f"{full['kind']} is not executed here, so it has no values.")
    return formula(base, t, full)
