"""What a kind of schedule is: its formula, its keys, and what is known of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from optimizers.domains import Domain

Keys = Mapping[str, Any]
Formula = Callable[[float, float, Keys], float]
"""Takes the coefficient's own value `base`, the count `t = 1, 2, ...` and the schedule's keys; returns the
coefficient at `t`. It depends on nothing else."""


class Need(Enum):
    """Where a key without a default gets its value."""

    REQUIRED = "given by whoever writes the schedule"
    BUDGET = "given, or filled with the length of the trial"


@dataclass(frozen=True)
class Key:
    """One key of a kind: what it may be, its default or need, what it is."""

    domain: Domain
    default: Any
    description: str


@dataclass(frozen=True)
class Kind:
    """One kind of schedule.

    The check of a whole schedule rests on `breakpoints`, the counts between which `formula` is monotone in t. Where
    they are not known it is None, and every count of the trial is looked at; such a kind has the key `total`. Where
    `formula` is None the kind is known from its text alone, which is not to be executed, and no value is looked at.

    `together` says what is wrong with checked keys together, "" where nothing is. The formula of a `decay_only` kind
    has a meaning only for coefficients in [0, 1). One with a `unit` counts in nothing else. An `open_ended` one takes
    keys beside its own.
    """

    name: str
    formula: Formula | None
    description: str
    source: str
    keys: Mapping[str, Key] = field(default_factory=dict)
    breakpoints: Callable[[Keys], list[float]] | None = lambda keys: []
    together: Callable[[Keys], str] = lambda keys: ""
    decay_only: bool = False
    unit: str | None = None
    open_ended: bool = False

    @property
    def origin(self) -> str:
        """Where its formula is defined."""
        return f"{self.formula.__module__}:{self.formula.__qualname__}" if self.formula else self.name

    @property
    def nested(self) -> bool:
        """Whether another schedule stands in it, as its key `then`."""
        return "then" in self.keys and isinstance(self.keys["then"].domain, Nested)


@dataclass(frozen=True)
class Nested:
    """A schedule inside a schedule; what it holds is checked where schedules are normalised."""

    def check(self, value: Any, name: str) -> Any:
        """Return `value`."""
        return value

    def describe(self) -> str:
        """A noun phrase."""
        return "a schedule"
