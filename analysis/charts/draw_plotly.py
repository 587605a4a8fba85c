"""Charts drawn with plotly, for notebooks and HTML: the same picture, in which one can point, zoom and hide arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.charts._layout import (
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
from analysis.charts._plotly_layers import COLOUR_SCALE, SYMBOLS, Drawing, draw_layer, html_text, translucent
from analysis.charts.chart import Chart, ColourBar, Picture
from analysis.charts.style import (
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
from analysis.charts.ticks import ticks, transformed

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def to_plotly(chart: Chart) -> Figure:
    """The chart as a figure of plotly, of fixed size in pixels. A click on a word of the key hides what it names."""
    from plotly.graph_objects import Figure

    layout, drawing, axes = lay_out(chart), Drawing(), {}
    for number, placed in enumerate(layout.panels, start=1):
        axes |= _draw_panel(drawing, layout, placed, "" if number == 1 else str(number))
    _draw_words(drawing, layout)
    _draw_key(drawing, chart)
    return Figure(
        data=drawing.traces,
        layout={
            **axes,
            "annotations": drawing.notes,
            "shapes": drawing.shapes,
            "images": drawing.images,
            "width": round(layout.width),
            "height": round(layout.height),
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0, "autoexpand": False},
            "font": {"family": ", ".join(FONTS), "size": TICK_SIZE, "color": INK},
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "hovermode": "closest",
            "bargap": 0,
            "modebar": {"bgcolor": "rgba(255,255,255,0.7)"},
            "showlegend": bool(chart.key),
            "legend": _key_place(layout),
        },
    )


def _draw_panel(drawing: Drawing, layout: Layout, placed: PlacedPanel, suffix: str) -> dict[str, Any]:
    """Draw it, and return its axes."""
    box, panel = placed.box, placed.panel
    across = [box.left / layout.width, (box.left + box.width) / layout.width]
    up = [1 - (box.top + box.height) / layout.height, 1 - box.top / layout.height]
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    for layer in panel.layers:
        draw_layer(drawing, layer, placed, axes)
    _draw_tags(drawing, placed, suffix)
    _draw_axis_words(drawing, placed, suffix)
    if panel.bar:
        left = (box.left + box.width + BAR_GAP + placed.tags_width) / layout.width
        _draw_bar(drawing, panel.bar, axes, {"x": left, "y": up[0], "len": up[1] - up[0]})
    bare = any(isinstance(layer, Picture) for layer in panel.layers)
    return {
        f"xaxis{suffix}": _axis(placed.x, bare) | {"domain": across, "anchor": f"y{suffix}"},
        f"yaxis{suffix}": _axis(placed.y, bare) | {"domain": up, "anchor": f"x{suffix}"},
    }


def _axis(placed: PlacedAxis, bare: bool) -> dict[str, Any]:
    return {
        "type": placed.axis.scale,
        "range": transformed(placed.range, placed.axis.scale).tolist(),
        "tickvals": list(placed.ticks),
        "ticktext": [html_text(text) for text in placed.ticks.values()],
        "tickangle": -TILT if placed.tilted else 0,
        "ticks": "" if bare else "outside",
        "ticklen": 4,
        "tickcolor": SOFT,
        "showline": not bare,
        "linecolor": SOFT,
        "gridcolor": GRID,
        "showgrid": not bare,
        "zeroline": False,
    }


def _draw_axis_words(drawing: Drawing, placed: PlacedPanel, suffix: str) -> None:
    """Labels of the axes and the panel's title, where the layout left room for them."""
    panel = placed.panel
    where = {"xref": f"x{suffix} domain", "yref": f"y{suffix} domain"}
    below = {"x": 0.5, "y": 0, "yshift": 4 - placed.room_below, "xanchor": "center", "yanchor": "bottom"}
    drawing.write(panel.x.label, LABEL_SIZE, INK, **below, **where)
    beside = {"x": 0, "y": 0.5, "xshift": LABEL_SIZE * 0.7 - placed.room_left, "textangle": -90}
    drawing.write(panel.y.label, LABEL_SIZE, INK, xanchor="center", yanchor="middle", **beside, **where)
    above = {"x": 0, "y": 1, "yshift": 7 + placed.rules_height, "xanchor": "left", "yanchor": "bottom"}
    font = {"size": LABEL_SIZE, "color": INK, "weight": "bold"}
    drawing.write(panel.title, LABEL_SIZE, INK, font=font, **above, **where)


def _draw_tags(drawing: Drawing, placed: PlacedPanel, suffix: str) -> None:
    where = {"xref": f"x{suffix} domain", "yref": f"y{suffix} domain"}
    across = 1 + 10 / placed.box.width
    for tag in placed.tags:
        line = {"color": translucent(tag.colour, 0.7), "width": 0.6}
        drawing.draw_line(*tag.end, across - 2 / placed.box.width, tag.height, line, layer="below", **where)
        place = {"x": across, "y": tag.height, "xanchor": "left", "yanchor": "middle"}
        drawing.write(tag.text, LABEL_SIZE, readable(tag.colour), **place, **where)


def _draw_bar(drawing: Drawing, bar: ColourBar, axes: Mapping[str, str], place: Mapping[str, float]) -> None:
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
    scale = {"cmin": low, "cmax": high, "colorscale": COLOUR_SCALE, "showscale": True, "colorbar": drawn}
    drawing.add(
        "scatter", x=[None], y=[None], mode="markers", marker={"color": [low]} | scale, hoverinfo="skip", **axes
    )


def _draw_words(drawing: Drawing, layout: Layout) -> None:
    for lines, top, size, colour, weight in (
        (layout.title, EDGE, TITLE_SIZE, INK, "bold"),
        (layout.caption, layout.caption_top, CAPTION_SIZE, SOFT, "normal"),
    ):
        style = {"font": {"size": size, "color": colour, "weight": weight}, "xanchor": "left", "yanchor": "top"}
        for number, line in enumerate(lines):
            place = {"x": EDGE / layout.width, "y": 1 - (top + number * size * LINE_HEIGHT) / layout.height}
            drawing.write(line, size, colour, xref="paper", yref="paper", **place, **style)


def _draw_key(drawing: Drawing, chart: Chart) -> None:
    """Traces without points, which only stand in the key; one click hides all layers of that label."""
    for key in chart.key:
        looks: dict[str, Any] = {"mode": "lines", "line": {"color": key.colour, "width": 2}}
        if key.symbol != "line":
            edge = {"width": 1.4, "color": key.colour}
            marker = {"symbol": SYMBOLS[key.symbol], "size": 7, "color": key.colour, "line": edge}
            looks = {"mode": "markers", "marker": marker}
        named = {"name": html_text(key.label), "legendgroup": key.label, "showlegend": True}
        drawing.add("scatter", x=[None], y=[None], **looks, **named)


def _key_place(layout: Layout) -> dict[str, Any]:
    return {
        "orientation": "h",
        "x": EDGE / layout.width,
        # Plotly leaves some pixels free above the words.
        "y": 1 - (layout.key_top - 6) / layout.height,
        "xanchor": "left",
        "yanchor": "top",
        "font": {"size": LABEL_SIZE},
        "itemwidth": 30,
        "tracegroupgap": 0,
    }
