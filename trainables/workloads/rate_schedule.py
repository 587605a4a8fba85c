"""What may be said of how the learning rate of a run changes. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimizers import schedules, user_code
from optimizers.domains import NOT_NEGATIVE, Choice

RATE_WORDS = Choice(("constant", "linear", "cosine", "step"))


@dataclass(frozen=True)
class RateSchedule:
    """How the learning rate changes: one of a few words, or a schedule of `optimizers.schedules` of its factor.

    The factor's own value is 1.
    """

    def check(self, value: Any, name: str) -> str | dict[str, Any]:
        """Return ``value``; keys that it leaves out are at their defaults."""
        if not isinstance(value, Mapping):
            known = isinstance(value, str) and (user_code.is_own(value) or value in schedules.KINDS)
            if not known or value in RATE_WORDS.values:
                return str(RATE_WORDS.check(value, name))
        schedules.check_any_length(value, 1.0, name, NOT_NEGATIVE)
        return value if isinstance(value, str) else {**value}

    def describe(self) -> str:
        """A noun phrase."""
        return f"{RATE_WORDS.describe()}; a schedule by its kind and keys; or module:function"
