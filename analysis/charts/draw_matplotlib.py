"""Charts drawn with matplotlib, for files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.charts._layout import (
    BAR_GAP,
    BAR_WIDTH,
    EDGE,
    LINE_HEIGHT,
    Layout,
    PlacedPanel,
    key_width,
    lay_out,
    outline,
)
from analysis.charts.chart import (
    Band,
    Bars,
    Chart,
    ColourBar,
    Heat,
    Key,
    Line,
    Picture,
    Points,
    Rule,
    Text,
)
from analysis.charts.style import (
    CAPTION_SIZE,
    DOTS_PER_INCH,
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
from analysis.charts.ticks import ticks, transformed
from optimizers import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# One pixel of a hundred in an inch, in points of 72.
Rectangle = tuple[float, float, float, float]
POINT = 72 / DOTS_PER_INCH
RESOLUTION = 1.5 * DOTS_PER_INCH
HEAT_LEVELS = 12
_MARKERS = {"circle": "o", "ring": "o", "cross": "x", "square": "s", "diamond": "D", "triangle": "^"}
_DASHES = {"solid": "solid", "dashed": (0, (5, 2.5)), "dotted": (0, (1.2, 1.8))}


def draw(chart: Chart) -> Figure:
    """The chart as a figure of matplotlib, without pyplot: it needs no display and leaves nothing behind."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    layout = lay_out(chart)
    with rc_context({"font.family": FONTS[0], "text.parse_math": False, "axes.unicode_minus": True}):
        figure = Figure(figsize=(layout.width / DOTS_PER_INCH, layout.height / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
        for placed in layout.panels:
            _draw_panel(figure, layout, placed)
        _draw_words(figure, layout)
        _draw_key(figure, layout)
    return figure


def save(chart: Chart, path: Path | str) -> Path:
    """Draw the chart into a file of the kind that its name ends with: png, svg or pdf. Returns the path.

    Raises InputError when the file cannot be written.
    """
    path = Path(path)
    try:
        draw(chart).savefig(path, dpi=RESOLUTION)
    except (OSError, ValueError) as error:
        raise InputError(f'Figure "{path}" cannot be written: {error}.') from error
    return path


def as_png(chart: Chart) -> bytes:
    """The chart as the bytes of a PNG, as large as plotly draws it."""
    file = io.BytesIO()
    draw(chart).savefig(file, format="png", dpi=DOTS_PER_INCH)
    return file.getvalue()


def _rectangle(layout: Layout, left: float, top: float, width: float, height: float) -> Rectangle:
    """From pixels under the upper left corner to matplotlib's shares over the lower left one."""
    return left / layout.width, 1 - (top + height) / layout.height, width / layout.width, height / layout.height


def _draw_panel(figure: Figure, layout: Layout, placed: PlacedPanel) -> None:
    box, panel = placed.box, placed.panel
    axes = figure.add_axes(_rectangle(layout, box.left, box.top, box.width, box.height))
    axes.set(xscale=placed.x.axis.scale, yscale=placed.y.axis.scale, xlim=placed.x.range, ylim=placed.y.range)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_color(SOFT)
    axes.minorticks_off()
    axes.set_xticks(list(placed.x.ticks), labels=list(placed.x.ticks.values()))
    axes.set_yticks(list(placed.y.ticks), labels=list(placed.y.ticks.values()))
    axes.tick_params(labelsize=TICK_SIZE * POINT, length=3, color=SOFT, labelcolor=INK)
    if placed.x.tilted:
        for text in axes.get_xticklabels():
            text.set(rotation=30, ha="right", rotation_mode="anchor")
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_xlabel(panel.x.label, fontsize=LABEL_SIZE * POINT, color=INK)
    axes.set_ylabel(panel.y.label, fontsize=LABEL_SIZE * POINT, color=INK)
    above = (8 + placed.rules_height) * POINT
    axes.set_title(panel.title, fontsize=LABEL_SIZE * POINT, color=INK, loc="left", pad=above, fontweight="bold")
    for order, layer in enumerate(panel.layers):
        _draw_layer(axes, layer, placed, zorder=2 + order / 1000)
    if any(isinstance(layer, Picture) for layer in panel.layers):
        axes.spines[:].set_visible(False)
        axes.grid(visible=False)
    _draw_tags(axes, placed)
    if panel.bar:
        left = box.left + box.width + BAR_GAP + placed.tags_width
        _draw_bar(figure.add_axes(_rectangle(layout, left, box.top, BAR_WIDTH, box.height)), panel.bar)


def _draw_layer(axes: Axes, layer: Any, placed: PlacedPanel, zorder: float) -> None:
    match layer:
        case Line():
            style = {"linestyle": _DASHES[layer.dash], "linewidth": layer.width * POINT, "alpha": layer.opacity}
            axes.plot(*outline(layer), color=layer.colour, solid_capstyle="round", zorder=zorder, **style)
        case Band():
            x, low, high = outline(layer)
            axes.fill_between(x, low, high, color=layer.colour, alpha=layer.opacity, linewidth=0, zorder=zorder)
        case Points():
            _draw_points(axes, layer, zorder)
        case Bars():
            axes.barh(layer.y, layer.lengths, height=layer.thickness, color=layer.colour, zorder=zorder)
        case Heat():
            _draw_heat(axes, layer, placed, zorder)
        case Rule():
            draw_rule = axes.axvline if layer.axis == "x" else axes.axhline
            style = {"linestyle": _DASHES[layer.dash], "linewidth": layer.width * POINT}
            draw_rule(layer.at, color=layer.colour, zorder=zorder, **style)
            if layer.axis == "x" and layer.label:
                axes.text(
                    layer.at,
                    1.015,
                    layer.label,
                    transform=axes.get_xaxis_transform(),
                    ha="center",
                    va="bottom",
                    fontsize=TICK_SIZE * POINT,
                    color=readable(layer.colour),
                )
        case Text():
            style = {"fontsize": TICK_SIZE * POINT, "color": readable(layer.colour), "path_effects": _halo()}
            axes.text(layer.x, layer.y, layer.text, ha=layer.align, va="center", zorder=5, **style)
        case Picture():
            axes.imshow(layer.pixels, cmap="gray", vmin=0, vmax=255, extent=(0, 1, 0, 1), aspect="auto", zorder=zorder)


def _draw_points(axes: Axes, layer: Points, zorder: float) -> None:
    colours = layer.colour if isinstance(layer.colour, str) else list(layer.colour)
    style: dict[str, Any] = {"color": colours, "linewidths": 0.5, "edgecolors": "white"}
    if layer.symbol == "ring":
        style = {"facecolors": "none", "edgecolors": colours, "linewidths": 1.0}
    elif layer.symbol == "cross":
        style = {"color": colours, "linewidths": 1.3}
    marker = _MARKERS[layer.symbol]
    axes.scatter(layer.x, layer.y, s=(layer.size * POINT) ** 2, marker=marker, zorder=zorder, **style)


def _draw_heat(axes: Axes, layer: Heat, placed: PlacedPanel, zorder: float) -> None:
    bar = _needed_bar(placed)
    low, high = transformed([bar.low, bar.high], bar.scale)
    levels = np.linspace(low, high, HEAT_LEVELS + 1)
    z = np.ma.masked_invalid(transformed(layer.z, bar.scale))
    axes.contourf(layer.x, layer.y, z, levels, cmap=_shades(), extend="both", zorder=zorder)


def _needed_bar(placed: PlacedPanel) -> ColourBar:
    if placed.panel.bar is None:
        raise InputError("A panel with filled contours needs a colour bar.")
    return placed.panel.bar


def _halo() -> list[Any]:
    """White around words that may stand on lines."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.5 * POINT, foreground="white")]


def _shades() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shades", SHADES)


def _draw_tags(axes: Axes, placed: PlacedPanel) -> None:
    for tag in placed.tags:
        across = 1 + 10 / placed.box.width
        axes.plot(
            [tag.end[0], across - 2 / placed.box.width],
            [tag.end[1], tag.height],
            transform=axes.transAxes,
            color=tag.colour,
            linewidth=0.6 * POINT,
            alpha=0.7,
            clip_on=False,
            zorder=1.5,
        )
        style: dict[str, Any] = {"fontsize": LABEL_SIZE * POINT, "color": readable(tag.colour), "clip_on": False}
        axes.text(across, tag.height, tag.text, transform=axes.transAxes, ha="left", va="center", **style)


def _draw_bar(axes: Axes, bar: ColourBar) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import LogNorm, Normalize

    norm = (LogNorm if bar.scale == "log" else Normalize)(bar.low, bar.high)
    drawn = Colorbar(axes, ScalarMappable(norm, _shades()))
    numbers = ticks((bar.low, bar.high), bar.scale, 5)
    drawn.set_ticks(list(numbers), labels=list(numbers.values()))
    axes.minorticks_off()
    axes.tick_params(labelsize=TICK_SIZE * POINT, length=2, color=SOFT, labelcolor=INK)
    drawn.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    axes.set_title(bar.label, fontsize=TICK_SIZE * POINT, color=INK, loc="left", pad=4)


def _draw_words(figure: Figure, layout: Layout) -> None:
    for lines, top, size, colour, weight in (
        (layout.title, EDGE, TITLE_SIZE, INK, "bold"),
        (layout.caption, layout.caption_top, CAPTION_SIZE, SOFT, "normal"),
    ):
        style: dict[str, Any] = {"fontsize": size * POINT, "color": colour, "fontweight": weight}
        for number, line in enumerate(lines):
            height = 1 - (top + number * size * LINE_HEIGHT) / layout.height
            figure.text(EDGE / layout.width, height, line, ha="left", va="top", **style)


def _draw_key(figure: Figure, layout: Layout) -> None:
    for row, keys in enumerate(layout.key):
        left, up = float(EDGE), 1 - (layout.key_top + (row + 0.6) * LABEL_SIZE * 1.6) / layout.height
        for key in keys:
            _draw_mark(figure, key, left / layout.width, 13 / layout.width, up)
            style: dict[str, Any] = {"fontsize": LABEL_SIZE * POINT, "color": readable(key.colour)}
            figure.text((left + 18) / layout.width, up, key.label, ha="left", va="center_baseline", **style)
            left += key_width(key)


def _draw_mark(figure: Figure, key: Key, left: float, width: float, up: float) -> None:
    from matplotlib.lines import Line2D

    if key.symbol == "line":
        figure.add_artist(Line2D([left, left + width], [up, up], color=key.colour, linewidth=2 * POINT))
        return
    face = "none" if key.symbol == "ring" else key.colour
    style: dict[str, Any] = {"marker": _MARKERS[key.symbol], "markersize": 7 * POINT, "markerfacecolor": face}
    figure.add_artist(Line2D([left + width / 2], [up], color=key.colour, linestyle="none", **style))
