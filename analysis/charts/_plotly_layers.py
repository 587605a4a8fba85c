"""The layers of a chart as traces, shapes and notes of plotly."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.charts._layout import PlacedPanel, outline
from analysis.charts.chart import Band, Bars, Heat, Line, Picture, Points, Rule, Text
from analysis.charts.style import SHADES, TICK_SIZE, readable
from analysis.charts.ticks import transformed
from optimizers import InputError

HEAT_LEVELS = 12
_HALO = "rgba(255,255,255,0.7)"
SYMBOLS = {
    "circle": "circle",
    "ring": "circle-open",
    "cross": "x-thin-open",
    "square": "square",
    "diamond": "diamond",
    "triangle": "triangle-up",
}
_DASHES = {"solid": "solid", "dashed": "6px,3px", "dotted": "1.5px,2px"}
COLOUR_SCALE = [[place, colour] for place, colour in zip(np.linspace(0, 1, len(SHADES)).tolist(), SHADES, strict=True)]


@dataclass
class Drawing:
    """What a figure of plotly is made of, collected: given to it one by one it takes many times as long."""

    traces: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, **trace: Any) -> None:
        """A trace of that kind, which has no entry of its own in the key."""
        self.traces.append({"type": kind, "showlegend": False} | trace)

    def write(self, text: str, size: float, colour: str, **place: Any) -> None:
        """Words at a place."""
        font = {"size": size, "color": colour}
        self.notes.append({"text": html_text(text), "font": font, "showarrow": False, "borderpad": 0} | place)

    def draw_line(self, x0: float, y0: float, x1: float, y1: float, line: dict[str, Any], **place: Any) -> None:
        """A straight line that is no trace."""
        self.shapes.append({"type": "line", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": line} | place)


def draw_layer(drawing: Drawing, layer: Any, placed: PlacedPanel, axes: Mapping[str, str]) -> None:
    """Add the layer to the panel whose axes are called so."""
    match layer:
        case Line():
            drawing.add("scatter", **_line(layer), **axes)
        case Band():
            drawing.add("scatter", **_band(layer), **axes)
        case Points():
            drawing.add("scatter", **_points(layer), **axes)
        case Bars():
            hover = {"hovertext": list(layer.hover), "hoverinfo": "text"} if layer.hover else {"hoverinfo": "x"}
            style = {"orientation": "h", "width": layer.thickness, "marker": {"color": layer.colour}}
            drawing.add("bar", x=layer.lengths, y=layer.y, **style, **hover, **axes)
        case Heat():
            _draw_heat(drawing, layer, placed, axes)
        case Rule():
            _draw_rule(drawing, layer, placed, axes)
        case Text():
            x, y = (transformed(at, axis.axis.scale).item() for at, axis in ((layer.x, placed.x), (layer.y, placed.y)))
            place = {"x": x, "y": y, "xref": axes["xaxis"], "yref": axes["yaxis"], "bgcolor": _HALO}
            style = {"xanchor": layer.align, "yanchor": "middle"}
            drawing.write(layer.text, TICK_SIZE, readable(layer.colour), **place, **style)
        case Picture():
            _draw_picture(drawing, layer, axes)


def _line(layer: Line) -> dict[str, Any]:
    x, y = outline(layer)
    style = {"color": layer.colour, "width": layer.width, "dash": _DASHES[layer.dash]}
    told = layer.hover or layer.label
    shown = _points_hover(told) if told else {"hoverinfo": "skip"}
    group = {"legendgroup": layer.label} if layer.label else {}
    return {
        "x": x,
        "y": y,
        "mode": "lines",
        "line": style,
        "opacity": layer.opacity,
        **shown,
        **group,
    }


def _points_hover(told: str | Sequence[str]) -> dict[str, Any]:
    if isinstance(told, str):
        return {"hovertemplate": f"{html_text(told)}<br>%{{x}}, %{{y:.4g}}<extra></extra>"}
    return {"hovertext": [html_text(text) for text in told], "hoverinfo": "text"}


def _band(layer: Band) -> dict[str, Any]:
    x, low, high = outline(layer)
    around = {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]])}
    style = {
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": translucent(layer.colour, layer.opacity),
    }
    return around | style | {"hoverinfo": "skip"}


def _points(layer: Points) -> dict[str, Any]:
    colours = layer.colour if isinstance(layer.colour, str) else list(layer.colour)
    open_ = layer.symbol in ("ring", "cross")
    edge = {"width": 1.4, "color": colours} if open_ else {"width": 0.7, "color": "white"}
    marker = {"symbol": SYMBOLS[layer.symbol], "size": layer.size, "color": colours, "line": edge}
    hover = _points_hover(layer.hover) if layer.hover else {}
    group = {"legendgroup": layer.label} if layer.label else {}
    return {
        "x": layer.x,
        "y": layer.y,
        "mode": "markers",
        "marker": marker,
        "name": layer.label,
        **hover,
        **group,
    }


def _draw_heat(drawing: Drawing, layer: Heat, placed: PlacedPanel, axes: Mapping[str, str]) -> None:
    bar = placed.panel.bar
    if bar is None:
        raise InputError("A panel with filled contours needs a colour bar.")
    low, high = transformed([bar.low, bar.high], bar.scale).tolist()
    contours = {"start": low, "end": high, "size": (high - low) / HEAT_LEVELS, "showlines": False}
    scale = {"colorscale": COLOUR_SCALE, "zmin": low, "zmax": high, "showscale": False, "hoverinfo": "skip"}
    z = transformed(layer.z, bar.scale)
    drawing.add("contour", x=layer.x, y=layer.y, z=z, contours=contours, line={"width": 0}, **scale, **axes)


def _draw_rule(drawing: Drawing, layer: Rule, placed: PlacedPanel, axes: Mapping[str, str]) -> None:
    style = {"color": layer.colour, "width": layer.width, "dash": _DASHES[layer.dash]}
    if layer.axis == "y":
        where = {"xref": f"{axes['xaxis']} domain", "yref": axes["yaxis"]}
        drawing.draw_line(0, layer.at, 1, layer.at, style, **where)
        return
    where = {"xref": axes["xaxis"], "yref": f"{axes['yaxis']} domain"}
    drawing.draw_line(layer.at, 0, layer.at, 1, style, **where)
    if layer.label:
        # Of a logarithmic axis shapes take the values, and words their logarithms.
        place = {"x": transformed(layer.at, placed.x.axis.scale).item(), "y": 1} | where
        drawing.write(layer.label, TICK_SIZE, readable(layer.colour), xanchor="center", yanchor="bottom", **place)


def _draw_picture(drawing: Drawing, layer: Picture, axes: Mapping[str, str]) -> None:
    from PIL import Image

    # An axis without a trace would not be drawn, and nothing on it.
    drawing.add("scatter", x=[0, 1], y=[0, 1], mode="markers", marker={"opacity": 0}, hoverinfo="skip", **axes)
    place = {"x": 0, "y": 1, "sizex": 1, "sizey": 1, "xanchor": "left", "yanchor": "top", "sizing": "stretch"}
    where = {"xref": axes["xaxis"], "yref": axes["yaxis"], "layer": "above"}
    drawing.images.append({"source": Image.fromarray(_enlarged(layer.pixels)), **place, **where})


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    """Each pixel as a square of several, because browsers blur small pictures."""
    times = max(1, 600 // max(pixels.shape[:2]))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def html_text(text: str) -> str:
    """As plotly reads it, which takes all text for a little HTML."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def translucent(colour: str, opacity: float) -> str:
    """The colour in the form that has an opacity."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
