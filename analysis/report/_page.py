"""A document as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plotly.offline import get_plotlyjs

from analysis.charts.draw_plotly import to_plotly
from analysis.report._document import Block, Document, Figure, Folded, Link

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

_TEMPLATE, _LOADER = (Path(__file__).with_name(name) for name in ("_page.html", "_page.js"))


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
    loader, program = _LOADER.read_text(encoding="utf-8"), get_plotlyjs()
    return environment.get_template(_TEMPLATE.name).render(
        title=document.title,
        blocks=blocks,
        packed=_packed(figures, program),
        loader=loader,
        policy=_policy(loader, program),
    )


def _policy(*programs: str) -> str:
    """Return what a browser lets the page do: run these programs, draw, and load and send nothing.

    So a program that came in with a name or a value of a sweep would not run, were it ever written unescaped.
    """
    digests = (base64.b64encode(hashlib.sha256(program.encode()).digest()).decode() for program in programs)
    scripts = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _plain(block: Block, figures: Mapping[str, PlotlyFigure]) -> dict[str, Any]:
    """What the template writes, under the word that tells it how."""
    own = dict(vars(block))
    if isinstance(block, Folded):
        own["blocks"] = [_plain(inner, figures) for inner in block.blocks]
    if isinstance(block, Figure):
        layout = figures[block.name].layout
        own |= {"title": block.chart.title, "width": layout.width, "height": layout.height}
    return {"kind": type(block).__name__.lower(), **own}


def _packed(figures: Mapping[str, PlotlyFigure], program: str) -> str:
    """Plotly's program of 4.8 MB and the figures, as base64 of gzip of JSON: a fifth to two fifths of that."""
    parts = [f"{json.dumps(name)}: {figure.to_json()}" for name, figure in figures.items()]
    text = f'{{"program": {json.dumps(program)}, "figures": {{{", ".join(parts)}}}}}'
    return base64.b64encode(gzip.compress(text.encode(), 6)).decode()
