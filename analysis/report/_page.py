"""A document as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plotly.offline import get_plotlyjs

from analysis.charts.draw_plotly import to_plotly
from analysis.report._document import Block, Document, Figure, Folded, Link

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

_TEMPLATE = Path(__file__).with_name("_page.html")


def to_html(document: Document) -> str:
    """The page. It carries plotly's program and its figures' data compressed, which every browser of today unpacks."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["link"] = lambda cell: isinstance(cell, Link)
    figures = {block.name: to_plotly(block.chart) for block in document.blocks if isinstance(block, Figure)}
    blocks = [_plain(block, figures) for block in document.blocks]
    template = environment.get_template(_TEMPLATE.name)
    return template.render(title=document.title, blocks=blocks, packed=_packed(figures))


def _plain(block: Block, figures: Mapping[str, PlotlyFigure]) -> dict[str, Any]:
    """What the template writes, under the word that tells it how."""
    own = dict(vars(block))
    if isinstance(block, Folded):
        own["blocks"] = [_plain(inner, figures) for inner in block.blocks]
    if isinstance(block, Figure):
        layout = figures[block.name].layout
        own |= {"title": block.chart.title, "width": layout.width, "height": layout.height}
    return {"kind": type(block).__name__.lower(), **own}


def _packed(figures: Mapping[str, PlotlyFigure]) -> str:
    """Plotly's program of 4.8 MB and the figures, as base64 of gzip of JSON: a fifth to two fifths of that."""
    parts = [f"{json.dumps(name)}: {figure.to_json()}" for name, figure in figures.items()]
    text = f'{{"program": {json.dumps(get_plotlyjs())}, "figures": {{{", ".join(parts)}}}}}'
    return base64.b64encode(gzip.compress(text.encode(), 6)).decode()
