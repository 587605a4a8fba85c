"""What a value may be: the domains of hyperparameters and of the keys of a schedule.

Every domain has `check(value, name)`, which returns the value in its canonical type or raises an
InputError that names it, and `describe()`, which says in a few words what would be right.
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optimizers.errors import InputError, did_you_mean


class Domain(Protocol):
    """A set of valid values."""

    def check(self, value: Any, name: str) -> Any:
        """Return `value` in its canonical type; InputError when it is not in the domain."""
        ...

    def describe(self) -> str:
        """A noun phrase such as "a number in [0, 1)"."""
        ...


@dataclass(frozen=True)
class Real:
    """A finite number between `min` and `max`, ends included unless excluded."""

    min: float = -math.inf
    max: float = math.inf
    exclude_min: bool = False
    exclude_max: bool = False

    def check(self, value: Any, name: str) -> float:
        """Return `value` as a float."""
        number = _number(value)
        if not self.holds(number):
            raise _wrong(self, value, name)
        return number

    def holds(self, value: float) -> bool:
        """Whether the number lies between the ends."""
        above = value > self.min if self.exclude_min else value >= self.min
        below = value < self.max if self.exclude_max else value <= self.max
        return above and below and math.isfinite(value)

    def describe(self) -> str:
        """Such as "a number in [0, 1)" or "a number > 0"."""
        return f"a number {self.interval()}".rstrip()

    def interval(self) -> str:
        """Such as "in [0, 1)" or "> 0"; nothing where every number will do."""
        return _interval(self.min, self.max, self.exclude_min, self.exclude_max).lstrip()


NOT_NEGATIVE = Real(0)
SHARE = Real(0, 1)
DECAY = Real(0, 1, exclude_max=True)
"""The decay of an exponential average."""


@dataclass(frozen=True)
class Integer:
    """A whole number between `min` and `max`, both included."""

    min: float = -math.inf
    max: float = math.inf

    def check(self, value: Any, name: str) -> int:
        """Return `value` as an int; 3.0 counts as 3."""
        number = _number(value)
        if not number.is_integer() or not self.min <= number <= self.max:
            raise _wrong(self, value, name)
        return int(number)

    def describe(self) -> str:
        """Such as "a whole number >= 1"."""
        return "a whole number" + _interval(self.min, self.max, False, False)


@dataclass(frozen=True)
class Flag:
    """True or False."""

    def check(self, value: Any, name: str) -> bool:
        """Return `value`, which must be a bool."""
        if not isinstance(value, bool):
            raise _wrong(self, value, name)
        return value

    def describe(self) -> str:
        """The two words."""
        return "true or false"


@dataclass(frozen=True)
class Choice:
    """One of a few words, or of a few whole numbers."""

    values: tuple[str, ...] | tuple[int, ...]

    def check(self, value: Any, name: str) -> str | int:
        """Return `value`, which must be one of them."""
        if value not in self.values:
            raise _wrong(self, value, name, did_you_mean(str(value), [str(each) for each in self.values]))
        return value

    def describe(self) -> str:
        """Such as "one of triangle, cosine"."""
        return "one of " + ", ".join(str(each) for each in self.values)


@dataclass(frozen=True)
class Text:
    """Any words."""

    def check(self, value: Any, name: str) -> str:
        """Return `value`, which must be a text with something in it."""
        if not isinstance(value, str) or not value:
            raise _wrong(self, value, name)
        return value

    def describe(self) -> str:
        """A word for it."""
        return "a text"


@dataclass(frozen=True)
class Plain:
    """Plain data, for an argument of which nothing is known but its default, `like`.

    A number, true or false, a text, None, or a list or mapping of these. No text where the default is a number or a
    flag, as Python would take "false" for true; there "off" is None.
    """

    like: Any = None

    def check(self, value: Any, name: str) -> Any:
        """Return `value`; a whole number as a float and a list as a tuple where the default is one."""
        if value == "off" and (self.like is None or isinstance(self.like, bool | int | float)):
            return None
        if not _is_plain(value) or (isinstance(value, str) and isinstance(self.like, bool | int | float)):
            raise _wrong(self, value, name)
        if isinstance(self.like, float) and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        return tuple(value) if isinstance(self.like, tuple) and isinstance(value, list) else value

    def describe(self) -> str:
        """Such as "a number", after the default."""
        if isinstance(self.like, bool):
            return "true, false or a number"
        return "a number" if isinstance(self.like, int | float) else "a number, a text, true, false or a list"


@dataclass(frozen=True)
class OrOff:
    """None, also written "off", or a value of another domain."""

    domain: Domain

    def check(self, value: Any, name: str) -> Any:
        """Return None or the value in its canonical type."""
        return None if value is None or value == "off" else self.domain.check(value, name)

    def describe(self) -> str:
        """Such as "a number in [0, 1), or off"."""
        return f"{self.domain.describe()}, or off"


@dataclass(frozen=True)
class OrInfinity:
    """Infinity, also written "inf", or a number of another domain."""

    domain: Domain

    def check(self, value: Any, name: str) -> float:
        """Return the value as a float."""
        return math.inf if value in (math.inf, "inf") else self.domain.check(value, name)

    def describe(self) -> str:
        """Such as "a number in (1, 16], or inf"."""
        return f"{self.domain.describe()}, or inf"


@dataclass(frozen=True)
class Numbers:
    """A list of at least one finite number, ascending when asked."""

    ascending: bool = False

    def check(self, value: Any, name: str) -> list[float]:
        """Return `value` as a list of floats."""
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise _wrong(self, value, name)
        items = [Real().check(item, f"{name}[{i}]") for i, item in enumerate(value)]
        if self.ascending and any(b <= a for a, b in itertools.pairwise(items)):
            raise _wrong(self, value, name)
        return items

    def describe(self) -> str:
        """Such as "a list of ascending numbers"."""
        return f"a list of {'ascending ' if self.ascending else ''}numbers"


@dataclass(frozen=True)
class Integers:
    """A list of whole numbers between `min` and `max`, of which there are 1 to `most`."""

    min: float = -math.inf
    max: float = math.inf
    most: int = 1_000

    def check(self, value: Any, name: str) -> list[int]:
        """Return `value` as a list of ints."""
        if isinstance(value, str) or not isinstance(value, Sequence) or not 0 < len(value) <= self.most:
            raise _wrong(self, value, name)
        return [Integer(self.min, self.max).check(item, f"{name}[{i}]") for i, item in enumerate(value)]

    def describe(self) -> str:
        """Such as "a list of 1 to 1000 whole numbers >= 1"."""
        return f"a list of 1 to {self.most} whole numbers{_interval(self.min, self.max, False, False)}"


@dataclass(frozen=True)
class Texts:
    """A list of texts, which may be empty."""

    def check(self, value: Any, name: str) -> list[str]:
        """Return `value` as a list without repetitions."""
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise _wrong(self, value, name)
        return list(dict.fromkeys(Text().check(item, f"{name}[{i}]") for i, item in enumerate(value)))

    def describe(self) -> str:
        """Words for it."""
        return "a list of texts"


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    return value is None or (isinstance(value, bool | int | float | str) and not _is_nan(value))


def _number(value: Any) -> float:
    """The value as a float; nan, which no domain holds, for what is not a number or does not fit in one."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _wrong(domain: Domain, value: Any, name: str, hint: str = "") -> InputError:
    return InputError(f"{name} must be {domain.describe()}, got {value!r}.{hint}")


def _interval(low: float, high: float, exclude_low: bool, exclude_high: bool) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f" {'>' if exclude_low else '>='} {low:g}"
    if math.isinf(low):
        return f" {'<' if exclude_high else '<='} {high:g}"
    return f" in {'(' if exclude_low else '['}{low:g}, {high:g}{')' if exclude_high else ']'}"
