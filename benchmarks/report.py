"""How every part measures and prints: plain tables, and goals that say whether they were met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Goal:
    """A measured figure and the bound that it should keep; ``unit`` is ``x`` for a ratio."""

    what: str
    measured: float
    direction: Literal["at most", "at least"]
    limit: float
    unit: str = "x"

    @property
    def met(self) -> bool:
        return self.measured <= self.limit if self.direction == "at most" else self.measured >= self.limit

    @property
    def verdict(self) -> str:
        return "met" if self.met else "NOT MET"

    @property
    def figure(self) -> str:
        return f"{self.measured:.2f} {self.unit}"

    @property
    def bound(self) -> str:
        return f"{self.direction} {self.limit:g} {self.unit}"

    def __str__(self) -> str:
        return f"goal: {self.what}: {self.figure}, wanted {self.bound}: {self.verdict}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, the first to the left and the others to the right."""
    cells = [header, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def median_and_range(values: Sequence[float], digits: int = 2) -> str:
    """``1.50 [1.40, 1.80]``: the median of the rounds, the least and the greatest."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} [{low}, {high}]"
