"""Numbers as people say them."""

from __future__ import annotations

from collections.abc import Iterable


def plural(count: int, noun: str) -> str:
    """1 seed, 3 seeds, 1,000 studies."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plurals(noun)}"


def plurals(noun: str) -> str:
    """seeds, studies."""
    return f"{noun.removesuffix('y')}ies" if noun.endswith("dy") else f"{noun}s"


def duration(seconds: float) -> str:
    """Such as 45 s, 12 min or 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:,.1f} h"


def listing(parts: Iterable[str]) -> str:
    """a; a and b; a, b and c."""
    *firsts, last = parts
    return f"{', '.join(firsts)} and {last}" if firsts else last
