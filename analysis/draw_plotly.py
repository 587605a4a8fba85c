"""Charts drawn with plotly, for notebooks and HTML: the same picture, in which one can point, zoom and hide arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.chart import Chart, ColourBar, Picture
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
)
from analysis.plotly_layers import COLOUR_SCALE, SYMBOLS, draw_layer, html_text, translucent
from analysis.style import (
    CAPTION_SIZE,
    FONTS,
    GRID,
    INK,
    LABEL_SIZE,
    SOFT,
    TICK_SIZE,
    TITLE_SIZE,
    readable,
)
from analysis.ticks import ticks, transformed

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


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
        draw_layer(figure, layer, placed, axes)
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
        "ticktext": [html_text(text) for text in placed.ticks.values()],
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
    figure.add_annotation(text=html_text(panel.x.label), x=0.5, y=0, yshift=-below + 4, **texts)
    figure.add_annotation(
        text=html_text(panel.y.label),
        x=0,
        y=0.5,
        xshift=-beside + LABEL_SIZE * 0.7,
        textangle=-90,
        **texts | {"yanchor": "middle"},
    )
    if panel.title:
        rise = 7 + placed.rules_height
        style = texts | {"xanchor": "left", "font": words}
        figure.add_annotation(text=f"<b>{html_text(panel.title)}</b>", x=0, y=1, yshift=rise, **style)


def _draw_tags(figure: Figure, placed: PlacedPanel, suffix: str) -> None:
    where = {"xref": f"x{suffix} domain", "yref": f"y{suffix} domain"}
    across = 1 + 10 / placed.box.width
    for tag in placed.tags:
        line = {"color": translucent(tag.colour, 0.7), "width": 0.6}
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
        figure.add_annotation(text=html_text(tag.text), font=font, **place, **where)


def _draw_bar(figure: Figure, bar: ColourBar, axes: Mapping[str, str], place: Mapping[str, float]) -> None:
    """A trace without points carries the colour bar."""
    low, high = transformed([bar.low, bar.high], bar.scale).tolist()
    numbers = ticks((bar.low, bar.high), bar.scale, 5)
    drawn = {
        "thickness": BAR_WIDTH,
        "title": {"text": html_text(bar.label), "font": {"size": TICK_SIZE}, "side": "top"},
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
    marker = {
        "color": [low],
        "cmin": low,
        "cmax": high,
        "colorscale": COLOUR_SCALE,
        "showscale": True,
        "colorbar": drawn,
    }
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
            figure.add_annotation(text=html_text(line), font=font, borderpad=0, **place, **style)


def _draw_key(figure: Figure, layout: Layout, chart: Chart) -> None:
    for key in chart.key:
        mode = "lines" if key.symbol == "line" else "markers"
        colours = {"line": {"color": key.colour, "width": 2}}
        if key.symbol != "line":
            edge = {"width": 1.4, "color": key.colour}
            colours = {"marker": {"symbol": SYMBOLS[key.symbol], "size": 7, "color": key.colour, "line": edge}}
        figure.add_scatter(x=[None], y=[None], mode=mode, name=html_text(key.label), legendgroup=key.label, **colours)
    figure.update_layout(
        showlegend=bool(chart.key),
        legend={
            "orientation": "h",
            "x": EDGE / layout.width,
            "y": 1 - (layout.key_top - 6) / layout.height,
            "xanchor": "left",
            "yanchor": "top",
            "font": {"size": LABEL_SIZE},
            "itemwidth": 30,
            "tracegroupgap": 0,
        },
    )
