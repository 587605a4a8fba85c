"""A document as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from analysis.report._document import (
    Block,
    Bullets,
    Cell,
    Code,
    Document,
    Figure,
    Folded,
    Heading,
    Link,
    Paragraph,
    Table,
)
from optimizers.shown_text import code_block, markdown

_IN_ADDRESSES = "/:#?&=%,;+@~._-"


def to_markdown(document: Document, figures: str) -> str:
    """The document with its figures, but for exploratory ones, as PNG files in the folder `figures`."""
    written = [f"# {markdown(document.title)}", *(_block(block, figures) for block in document.blocks)]
    return "\n\n".join(written) + "\n"


def _block(block: Block, figures: str) -> str:
    match block:
        case Heading():
            text = f"{'#' * block.level} {markdown(block.text)}"
        case Paragraph():
            text = "".join(map(_cell, block.cells))
        case Bullets():
            text = "\n".join(f"- {markdown(item)}" for item in block.items)
        case Table():
            text = _table(block.header, block.rows)
        case Code():
            text = code_block(block.text, block.language)
        case Figure():
            text = _figure(block, figures)
        case Folded():
            text = "\n\n".join([f"**{markdown(block.summary)}**", *(_block(inner, figures) for inner in block.blocks)])
    return text


def _figure(block: Figure, figures: str) -> str:
    if block.exploratory:
        return f"*{markdown(block.chart.title)}: to be explored on the page, report.html.*"
    title, caption = markdown(block.chart.title), markdown(block.chart.caption)
    return f"![{title}]({figures}/{quote(block.name)}.png)\n\n{caption}".rstrip()


def _table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    cells = [[markdown(name) for name in header], *([_cell(cell) for cell in row] for row in rows)]
    titles, *lines = [[cell.replace("|", "\\|") for cell in row] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in (titles, ["---"] * len(header), *lines))


def _cell(cell: Cell) -> str:
    if not isinstance(cell, Link):
        return _keeping_ends(cell)
    # Nothing in either may end it.
    text = re.sub(r"(?<!\\)[\[\]]", r"\\\g<0>", markdown(cell.text))
    return f"[{text}]({quote(cell.address, safe=_IN_ADDRESSES)})"


def _keeping_ends(text: str) -> str:
    """A part of a paragraph, with the blanks that part it from those beside it."""
    return f"{' ' * text.startswith(' ')}{markdown(text)}{' ' * text.endswith(' ')}"
