"""A document as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

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


def to_markdown(document: Document, figures: str) -> str:
    """The document with its figures, but for exploratory ones, as PNG files in the folder `figures`."""
    written = [f"# {document.title}", *(_block(block, figures) for block in document.blocks)]
    return "\n\n".join(written) + "\n"


def _block(block: Block, figures: str) -> str:
    match block:
        case Heading():
            text = f"{'#' * block.level} {block.text}"
        case Paragraph():
            text = "".join(map(_cell, block.cells))
        case Bullets():
            text = "\n".join(f"- {item}" for item in block.items)
        case Table():
            text = _table(block.header, block.rows)
        case Code():
            text = f"```{block.language}\n{block.text}\n```"
        case Figure():
            text = _figure(block, figures)
        case Folded():
            text = "\n\n".join([f"**{block.summary}**", *(_block(inner, figures) for inner in block.blocks)])
    return text


def _figure(block: Figure, figures: str) -> str:
    if block.exploratory:
        return f"*{block.chart.title}: to be explored on the page, report.html.*"
    return f"![{block.chart.title}]({figures}/{block.name}.png)\n\n{block.chart.caption}".rstrip()


def _table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    lines = [list(header), ["---"] * len(header), *([_cell(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(cell: Cell) -> str:
    return f"[{cell.text}]({cell.address})" if isinstance(cell, Link) else cell
