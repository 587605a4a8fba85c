"""What a report says, apart from how it is written down, for which there are `markdown` and `page`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.charts.chart import Chart


@dataclass(frozen=True)
class Link:
    text: str
    address: str


Cell = str | Link


@dataclass(frozen=True)
class Heading:
    """`level` counts from 1, the title."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """`lead`: what a reader in a hurry must see."""

    cells: Sequence[Cell]
    lead: bool = False


@dataclass(frozen=True)
class Bullets:
    items: Sequence[str]
    lead: bool = False


@dataclass(frozen=True)
class Table:
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Code:
    language: str
    text: str


@dataclass(frozen=True)
class Figure:
    """`name` is that of its file. `exploratory`: one to point at and zoom into, of little use as a still picture."""

    name: str
    chart: Chart
    exploratory: bool = False


@dataclass(frozen=True)
class Folded:
    """What is long, and looked up rather than read."""

    summary: str
    blocks: Sequence[Block]


Block = Heading | Paragraph | Bullets | Table | Code | Figure | Folded


@dataclass(frozen=True)
class Document:
    title: str
    blocks: Sequence[Block]
