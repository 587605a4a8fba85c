"""Charts drawn with plotly, for notebooks and HTML: the same picture, in which one can point, zoom and hide arms."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.chart import Band, Bars, Chart, ColourBar, Heat, Line, Picture, Points, Rule, Text
from analysis.layout import (
    BAR_GAP,
    BAR_WIDTH,
    EDGE,
    LINE_HEIGHT,
    TILT,
    Layout,
    PlacedAxis,
    PlacedPanel,
    lay_out,
    outline,
)
from analysis.style import (
    CAPTION_SIZE,
    FONTS,
    GRID,
    INK,
    LABEL_SIZE,
    SHADES,
    SOFT,
    TICK_SIZE,
    TITLE_SIZE,
    readable,
)
from analysis.ticks import ticks, transformed
from optimizers import InputError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HEAT_LEVELS = 12
_SYMBOLS = {
    "circle": "circle",
    "ring": "circle-open",
    "cross": "x-thin-open",
    "square": "square",
    "diamond": "diamond",
    "triangle": "triangle-up",
}
_DASHES = {"solid": "solid", "dashed": "6px,3px", "dotted": "1.5px,2px"}
_SCALE = [[place, colour] for place, colour in zip(np.linspace(0, 1, len(SHADES)).tolist(), SHADES, strict=True)]


def to_plotly(chart: Chart) -> Figure:
    """The chart as a figure of plotly, of fixed size in pixels. A click on a word of the key hides what it names."""
    from plotly.graph_objects import Figure

    layout = lay_out(chart)
    figure = Figure()
    figure.update_layout(
        width=round(layout.width),
        height=round(layout.height),
        margin={"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0, "autoexpand": False},
        font={"family": ", ".join(FONTS), "size": TICK_SIZE, "color": INK},
        paper_bgcolor="white",
        plot_bgcolor="white",
        hovermode="closest",
        bargap=0,
        modebar={"bgcolor": "rgba(255,255,255,0.7)"},
    )
    for number, placed in enumerate(layout.panels, start=1):
        _draw_panel(figure, layout, placed, "" if number == 1 else str(number))
    _draw_words(figure, layout)
    _draw_key(figure, layout, chart)
    return figure


def _draw_panel(figure: Figure, layout: Layout, placed: PlacedPanel, suffix: str) -> None:
    box, panel = placed.box, placed.panel
    across = [box.left / layout.width, (box.left + box.width) / layout.width]
    up = [1 - (box.top + box.height) / layout.height, 1 - box.top / layout.height]
    bare = any(isinstance(layer, Picture) for layer in panel.layers)
    x_axis = _axis(placed.x, bare) | {"domain": across, "anchor": f"y{suffix}"}
    y_axis = _axis(placed.y, bare) | {"domain": up, "anchor": f"x{suffix}"}
    if placed.x.tilted:
        x_axis["tickangle"] = -TILT
    figure.update_layout({f"xaxis{suffix}": x_axis, f"yaxis{suffix}": y_axis})
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    for layer in panel.layers:
        _draw_layer(figure, layer, placed, axes)
    _draw_tags(figure, placed, suffix)
    _draw_axis_words(figure, placed, suffix)
    if panel.bar:
        left = (box.left + box.width + BAR_GAP + placed.tags_width) / layout.width
        _draw_bar(figure, panel.bar, axes, {"x": left, "y": up[0], "len": up[1] - up[0]})


def _axis(placed: PlacedAxis, bare: bool) -> dict[str, Any]:
    limits = transformed(placed.range, placed.axis.scale).tolist()
    return {
        "type": placed.axis.scale,
        "range": limits,
        "tickvals": list(placed.ticks),
        "ticktext": [_html(text) for text in placed.ticks.values()],
        "ticks": "" if bare else "outside",
        "ticklen": 4,
        "tickcolor": SOFT,
        "showline": not bare,
        "linecolor": SOFT,
        "gridcolor": GRID,
        "showgrid": not bare,
        "zeroline": False,
    }


def _draw_axis_words(figure: Figure, placed: PlacedPanel, suffix: str) -> None:
    """Labels of the axes and the panel's title, where the layout left room for them."""
    panel = placed.panel
    inside = {"xref": f"x{suffix} domain", "yref": f"y{suffix} domain", "showarrow": False, "borderpad": 0}
    words = {"size": LABEL_SIZE, "color": INK}
    texts = {"xanchor": "center", "yanchor": "bottom", "font": words} | inside
    below, beside = placed.room_below, placed.room_left
    figure.add_annotation(text=_html(panel.x.label), x=0.5, y=0, yshift=-below + 4, **texts)
    figure.add_annotation(
        text=_html(panel.y.label),
        x=0,
        y=0.5,
        xshift=-beside + LABEL_SIZE * 0.7,
        textangle=-90,
        **texts | {"yanchor": "middle"},
    )
    if panel.title:
        rise = 7 + placed.rules_height
        style = texts | {"xanchor": "left", "font": words}
        figure.add_annotation(text=f"<b>{_html(panel.title)}</b>", x=0, y=1, yshift=rise, **style)


def _draw_layer(figure: Figure, layer: Any, placed: PlacedPanel, axes: Mapping[str, str]) -> None:
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
            style = {"showarrow": False, "xanchor": layer.align, "yanchor": "middle", "borderpad": 0}
            where = {"xref": axes["xaxis"], "yref": axes["yaxis"]}
            x, y = (transformed(at, axis.axis.scale).item() for at, axis in ((layer.x, placed.x), (layer.y, placed.y)))
            font = {"size": TICK_SIZE, "color": readable(layer.colour)}
            figure.add_annotation(text=_html(layer.text), x=x, y=y, font=font, **style, **where)
        case Picture():
            _draw_picture(figure, layer, axes)


def _line(layer: Line) -> dict[str, Any]:
    x, y = outline(layer)
    style = {"color": layer.colour, "width": layer.width, "dash": _DASHES[layer.dash]}
    hover = {"hovertemplate": f"{_html(layer.hover or layer.label)}<br>%{{x}}, %{{y:.4g}}<extra></extra>"}
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
    style = {"mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": _translucent(layer.colour, 0.18)}
    return around | style | {"hoverinfo": "skip", "showlegend": False}


def _points(layer: Points) -> dict[str, Any]:
    colours = layer.colour if isinstance(layer.colour, str) else list(layer.colour)
    open_ = layer.symbol in ("ring", "cross")
    edge = {"width": 1.4, "color": colours} if open_ else {"width": 0.7, "color": "white"}
    marker = {"symbol": _SYMBOLS[layer.symbol], "size": layer.size, "color": colours, "line": edge}
    hover = {"hovertext": [_html(text) for text in layer.hover], "hoverinfo": "text"} if layer.hover else {}
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
    scale = {"colorscale": _SCALE, "zmin": low, "zmax": high, "showscale": False, "hoverinfo": "skip"}
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
        figure.add_annotation(text=_html(layer.label), font=font, **place, **where)


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


def _draw_tags(figure: Figure, placed: PlacedPanel, suffix: str) -> None:
    where = {"xref": f"x{suffix} domain", "yref": f"y{suffix} domain"}
    across = 1 + 10 / placed.box.width
    for tag in placed.tags:
        line = {"color": _translucent(tag.colour, 0.7), "width": 0.6}
        ends = {"x0": tag.end[0], "y0": tag.end[1], "x1": across - 2 / placed.box.width, "y1": tag.height}
        figure.add_shape(type="line", line=line, layer="below", **ends, **where)
        place = {
            "x": across,
            "y": tag.height,
            "xanchor": "left",
            "yanchor": "middle",
            "showarrow": False,
            "borderpad": 0,
        }
        font = {"size": LABEL_SIZE, "color": readable(tag.colour)}
        figure.add_annotation(text=_html(tag.text), font=font, **place, **where)


def _draw_bar(figure: Figure, bar: ColourBar, axes: Mapping[str, str], place: Mapping[str, float]) -> None:
    """A trace without points carries the colour bar."""
    low, high = transformed([bar.low, bar.high], bar.scale).tolist()
    numbers = ticks((bar.low, bar.high), bar.scale, 5)
    drawn = {
        "thickness": BAR_WIDTH,
        "title": {"text": _html(bar.label), "font": {"size": TICK_SIZE}, "side": "top"},
        "tickvals": transformed(list(numbers), bar.scale).tolist(),
        "ticktext": list(numbers.values()),
        "outlinewidth": 0,
        "lenmode": "fraction",
        "xpad": 0,
        "ypad": 0,
        "xanchor": "left",
        "yanchor": "bottom",
        **place,
    }
    marker = {"color": [low], "cmin": low, "cmax": high, "colorscale": _SCALE, "showscale": True, "colorbar": drawn}
    figure.add_scatter(x=[None], y=[None], mode="markers", marker=marker, showlegend=False, hoverinfo="skip", **axes)


def _draw_words(figure: Figure, layout: Layout) -> None:
    for lines, top, size, colour, weight in (
        (layout.title, EDGE, TITLE_SIZE, INK, "bold"),
        (layout.caption, layout.caption_top, CAPTION_SIZE, SOFT, "normal"),
    ):
        for number, line in enumerate(lines):
            place = {"x": EDGE / layout.width, "y": 1 - (top + number * size * LINE_HEIGHT) / layout.height}
            style = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "top", "showarrow": False}
            font = {"size": size, "color": colour, "weight": weight}
            figure.add_annotation(text=_html(line), font=font, borderpad=0, **place, **style)


def _draw_key(figure: Figure, layout: Layout, chart: Chart) -> None:
    for key in chart.key:
        mode = "lines" if key.symbol == "line" else "markers"
        colours = {"line": {"color": key.colour, "width": 2}}
        if key.symbol != "line":
            edge = {"width": 1.4, "color": key.colour}
            colours = {"marker": {"symbol": _SYMBOLS[key.symbol], "size": 7, "color": key.colour, "line": edge}}
        figure.add_scatter(x=[None], y=[None], mode=mode, name=_html(key.label), legendgroup=key.label, **colours)
    figure.update_layout(
        showlegend=bool(chart.key),
        legend={
            "orientation": "h",
            "x": EDGE / layout.width,
            "y": 1 - layout.key_top / layout.height,
            "xanchor": "left",
            "yanchor": "top",
            "font": {"size": LABEL_SIZE},
            "itemwidth": 30,
            "tracegroupgap": 0,
        },
    )


def _html(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>")


def _translucent(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
