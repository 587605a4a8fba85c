"""A document as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis.document import Block, Document, Figure, Folded, Link

_TEMPLATE = Path(__file__).with_name("page.html")


def to_html(document: Document) -> str:
    """The page. Its figures are plotly's, whose program it carries compressed, as every browser of today unpacks it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["link"] = lambda cell: isinstance(cell, Link)
    template = environment.get_template(_TEMPLATE.name)
    blocks = [_plain(block) for block in document.blocks]
    return template.render(title=document.title, blocks=blocks, plotly=_plotly_program())


def _plain(block: Block) -> dict[str, Any]:
    """What the template writes, under the word that tells it how."""
    own = _drawn(block) if isinstance(block, Figure) else dict(vars(block))
    if isinstance(block, Folded):
        own["blocks"] = [_plain(inner) for inner in block.blocks]
    return {"kind": type(block).__name__.lower(), **own}


def _drawn(block: Figure) -> dict[str, Any]:
    from analysis.draw_plotly import to_plotly

    figure = to_plotly(block.chart)
    # `</script>` inside a text would end the script that holds it.
    return {
        "name": block.name,
        "title": block.chart.title,
        "json": str(figure.to_json()).replace("<", "\\u003c"),
        "width": figure.layout.width,
        "height": figure.layout.height,
    }


@lru_cache
def _plotly_program() -> str:
    """Plotly's JavaScript: 4.8 MB, of which two fifths are left so."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 6)).decode()
