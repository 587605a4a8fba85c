"""The layers of a chart as traces, shapes and notes of plotly."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.chart import Band, Bars, Heat, Line, Picture, Points, Rule, Text
from analysis.layout import PlacedPanel, outline
from analysis.style import SHADES, TICK_SIZE, readable
from analysis.ticks import transformed
from optimizers import InputError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

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


def draw_layer(figure: Figure, layer: Any, placed: PlacedPanel, axes: Mapping[str, str]) -> None:
    match layer:
        case Line():
            figure.add_scatter(**_line(layer), **axes)
        case Band():
            figure.add_scatter(**_band(layer), **axes)
        case Points():
            figure.add_scatter(**_points(layer), **axes)
        case Bars():
            hover = {"hovertext": list(layer.hover), "hoverinfo": "text"} if layer.hover else {"hoverinfo": "x"}
            style = {"orientation": "h", "width": layer.thickness, "showlegend": False}
            figure.add_bar(x=layer.lengths, y=layer.y, marker={"color": layer.colour}, **style, **hover, **axes)
        case Heat():
            _draw_heat(figure, layer, placed, axes)
        case Rule():
            _draw_rule(figure, layer, axes)
        case Text():
            style = {"showarrow": False, "xanchor": layer.align, "yanchor": "middle", "borderpad": 0, "bgcolor": _HALO}
            where = {"xref": axes["xaxis"], "yref": axes["yaxis"]}
            x, y = (transformed(at, axis.axis.scale).item() for at, axis in ((layer.x, placed.x), (layer.y, placed.y)))
            font = {"size": TICK_SIZE, "color": readable(layer.colour)}
            figure.add_annotation(text=html_text(layer.text), x=x, y=y, font=font, **style, **where)
        case Picture():
            _draw_picture(figure, layer, axes)


def _line(layer: Line) -> dict[str, Any]:
    x, y = outline(layer)
    style = {"color": layer.colour, "width": layer.width, "dash": _DASHES[layer.dash]}
    hover = {"hovertemplate": f"{html_text(layer.hover or layer.label)}<br>%{{x}}, %{{y:.4g}}<extra></extra>"}
    shown = hover if layer.hover or layer.label else {"hoverinfo": "skip"}
    group = {"legendgroup": layer.label} if layer.label else {}
    return {
        "x": x,
        "y": y,
        "mode": "lines",
        "line": style,
        "opacity": layer.opacity,
        "showlegend": False,
        **shown,
        **group,
    }


def _band(layer: Band) -> dict[str, Any]:
    x, low, high = outline(layer)
    around = {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]])}
    style = {
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": translucent(layer.colour, layer.opacity),
    }
    return around | style | {"hoverinfo": "skip", "showlegend": False}


def _points(layer: Points) -> dict[str, Any]:
    colours = layer.colour if isinstance(layer.colour, str) else list(layer.colour)
    open_ = layer.symbol in ("ring", "cross")
    edge = {"width": 1.4, "color": colours} if open_ else {"width": 0.7, "color": "white"}
    marker = {"symbol": SYMBOLS[layer.symbol], "size": layer.size, "color": colours, "line": edge}
    hover = {"hovertext": [html_text(text) for text in layer.hover], "hoverinfo": "text"} if layer.hover else {}
    group = {"legendgroup": layer.label} if layer.label else {}
    return {
        "x": layer.x,
        "y": layer.y,
        "mode": "markers",
        "marker": marker,
        "showlegend": False,
        "name": layer.label,
        **hover,
        **group,
    }


def _draw_heat(figure: Figure, layer: Heat, placed: PlacedPanel, axes: Mapping[str, str]) -> None:
    bar = placed.panel.bar
    if bar is None:
        raise InputError("A panel with filled contours needs a colour bar.")
    low, high = transformed([bar.low, bar.high], bar.scale).tolist()
    contours = {"start": low, "end": high, "size": (high - low) / HEAT_LEVELS, "showlines": False}
    z = transformed(layer.z, bar.scale)
    scale = {"colorscale": COLOUR_SCALE, "zmin": low, "zmax": high, "showscale": False, "hoverinfo": "skip"}
    figure.add_contour(x=layer.x, y=layer.y, z=z, contours=contours, line={"width": 0}, **scale, **axes)


def _draw_rule(figure: Figure, layer: Rule, axes: Mapping[str, str]) -> None:
    style = {"color": layer.colour, "width": layer.width, "dash": _DASHES[layer.dash]}
    if layer.axis == "y":
        where = {"xref": f"{axes['xaxis']} domain", "yref": axes["yaxis"]}
        figure.add_shape(type="line", x0=0, x1=1, y0=layer.at, y1=layer.at, line=style, **where)
        return
    where = {"xref": axes["xaxis"], "yref": f"{axes['yaxis']} domain"}
    figure.add_shape(type="line", x0=layer.at, x1=layer.at, y0=0, y1=1, line=style, **where)
    if layer.label:
        place = {"x": layer.at, "y": 1, "xanchor": "center", "yanchor": "bottom", "showarrow": False, "borderpad": 0}
        font = {"size": TICK_SIZE, "color": readable(layer.colour)}
        figure.add_annotation(text=html_text(layer.label), font=font, **place, **where)


def _draw_picture(figure: Figure, layer: Picture, axes: Mapping[str, str]) -> None:
    from PIL import Image

    place = {"x": 0, "y": 1, "sizex": 1, "sizey": 1, "xanchor": "left", "yanchor": "top", "sizing": "stretch"}
    where = {"xref": axes["xaxis"], "yref": axes["yaxis"]}
    # An axis without a trace would not be drawn, and nothing on it.
    hidden = {"mode": "markers", "marker": {"opacity": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=[0, 1], y=[0, 1], **hidden, **axes)
    figure.add_layout_image(source=Image.fromarray(_enlarged(layer.pixels)), layer="above", **place, **where)


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
