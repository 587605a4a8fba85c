"""Where everything in a chart stands, in pixels from its upper left corner: the same for both ways to draw it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.charts.chart import Axis, Band, Bars, Chart, Heat, Key, Line, Panel, Picture, Points, Rule, Text
from analysis.charts.style import CAPTION_SIZE, LABEL_SIZE, TICK_SIZE, TITLE_SIZE, text_width
from analysis.charts.ticks import Range, covering, ticks, transformed

LINE_HEIGHT = 1.35
EDGE = 12  # pixels around everything
TAG_GAP = 12  # from a panel's right edge to the labels of its lines
BAR_GAP, BAR_WIDTH = 14, 11
_WORDS = 0.92  # of the greatest width that a line of words takes
TILT = 30  # degrees, of tick texts that would run into each other


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class PlacedAxis:
    """``range`` in the axis' own units; ``tilted`` where its texts need room."""

    axis: Axis
    range: Range
    ticks: Mapping[float, str]
    tilted: bool = False

    def share(self, values: ArrayLike) -> np.ndarray:
        """How far along the axis the values lie, from 0 to 1 inside its range."""
        start, end = transformed(self.range, self.axis.scale)
        return (transformed(values, self.axis.scale) - start) / (end - start)


@dataclass(frozen=True)
class Tag:
    """A label at a panel's right edge: its height, and the end of its line, as shares from the panel's lower left."""

    text: str
    colour: str
    height: float
    end: tuple[float, float]


@dataclass(frozen=True)
class PlacedPanel:
    panel: Panel
    box: Box
    x: PlacedAxis
    y: PlacedAxis
    tags: tuple[Tag, ...]
    tags_width: float

    @property
    def room_left(self) -> float:
        """Pixels for the texts of the y axis and its label."""
        return _widest(self.y.ticks) + 12 + (LABEL_SIZE * 1.6 if self.panel.y.label else 0)

    @property
    def room_right(self) -> float:
        """Pixels for the labels of lines and the colour bar."""
        bar = BAR_GAP + BAR_WIDTH + 58 if self.panel.bar else 0
        return max(self.tags_width + bar + 10, 24)

    @property
    def room_above(self) -> float:
        """Pixels for the title, over the labels of vertical rules."""
        return (LABEL_SIZE * 1.9 if self.panel.title else 8) + self.rules_height

    @property
    def rules_height(self) -> float:
        """Pixels for the labels of vertical rules."""
        rules = [layer for layer in self.panel.layers if isinstance(layer, Rule) and layer.axis == "x"]
        return LABEL_SIZE * 1.3 if any(rule.label for rule in rules) else 0.0

    @property
    def room_below(self) -> float:
        """Pixels for the texts of the x axis and its label."""
        texts = TICK_SIZE * 1.7 if self.x.ticks else 0
        if self.x.tilted:
            texts = 0.5 * _widest(self.x.ticks) + TICK_SIZE * 1.5
        return texts + (LABEL_SIZE * 1.6 if self.panel.x.label else 0) + 8


@dataclass(frozen=True)
class Layout:
    """``title`` and ``caption`` are broken into lines, ``key`` into rows; the tops are of the first of them."""

    width: float
    height: float
    title: list[str]
    key: list[list[Key]]
    key_top: float
    panels: list[PlacedPanel]
    caption: list[str]
    caption_top: float


def lay_out(chart: Chart) -> Layout:
    """Give every part of the chart its place; panels grow where their labels need it."""
    heights = [max(chart.size[1], _tags_height(panel)) for panel in chart.panels]
    rows = [range(start, min(start + chart.columns, len(heights))) for start in range(0, len(heights), chart.columns)]
    placed = [
        _in_box(panel, Box(0, 0, chart.size[0], max(heights[other] for other in rows[number // chart.columns])))
        for number, panel in enumerate(chart.panels)
    ]
    columns = [placed[column :: chart.columns] for column in range(len(rows[0]))]
    lefts = [max(one.room_left for one in column) for column in columns]
    rights = [max(one.room_right for one in column) for column in columns]
    width = max(2 * EDGE + sum(lefts) + sum(rights) + len(lefts) * chart.size[0], 440)
    title, caption = _lines(chart.title, width, TITLE_SIZE), _lines(chart.caption, width, CAPTION_SIZE)
    key = _rows(chart.key, width - 2 * EDGE)
    key_top = EDGE + len(title) * TITLE_SIZE * LINE_HEIGHT + (4 if key else 0)
    top = key_top + len(key) * LABEL_SIZE * 1.6 + (8 if key else 4)
    for row in rows:
        top += max(placed[number].room_above for number in row)
        for column, number in enumerate(row):
            left = EDGE + sum(lefts[: column + 1]) + sum(rights[:column]) + column * chart.size[0]
            placed[number] = _moved(placed[number], left, top)
        top += placed[row[0]].box.height + max(placed[number].room_below for number in row)
    caption_top = top + 4
    height = caption_top + len(caption) * CAPTION_SIZE * LINE_HEIGHT + EDGE
    return Layout(width, height, title, key, key_top, placed, caption, caption_top)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near as can be (in least squares) to those wanted, at least ``gap`` apart, between low and high.

    In the order of ``wanted``; where the room does not suffice they stand ``gap`` apart from low on.
    """
    from scipy.optimize import isotonic_regression

    if not len(wanted):
        return []
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(len(order))
    # Places without their steps must not fall, which is isotonic regression; clipping keeps it the nearest.
    base = isotonic_regression(np.asarray(wanted, dtype=float)[order] - steps).x
    places = np.empty(len(order))
    places[order] = np.clip(base, low, max(low, high - steps[-1])) + steps
    return places.tolist()


def stairs(x: ArrayLike, *ys: ArrayLike) -> list[np.ndarray]:
    """The corners of step functions that keep each value until the next x."""
    return [np.repeat(np.asarray(x, dtype=float), 2)[1:], *(np.repeat(np.asarray(y, dtype=float), 2)[:-1] for y in ys)]


def outline(layer: Line | Band) -> list[np.ndarray]:
    """x, and y or low and high, as they are drawn; a band without the places where it has no bounds."""
    if isinstance(layer, Line):
        columns = [np.asarray(column, dtype=float) for column in (layer.x, layer.y)]
    else:
        columns = [np.asarray(column, dtype=float) for column in (layer.x, layer.low, layer.high)]
        whole = np.isfinite(columns).all(axis=0)
        columns = [column[whole] for column in columns]
    return stairs(*columns) if layer.stepped else columns


def _in_box(panel: Panel, box: Box) -> PlacedPanel:
    x, y = _place(panel, "x", box.width, 75), _place(panel, "y", box.height, 42)
    tags = _tags(panel, x, y, box.height)
    width = TAG_GAP + max(text_width(tag.text, LABEL_SIZE) for tag in tags) if tags else 0.0
    return PlacedPanel(panel, box, x, y, tags, width)


def _moved(placed: PlacedPanel, left: float, top: float) -> PlacedPanel:
    return replace(placed, box=replace(placed.box, left=left, top=top))


def _place(panel: Panel, which: Literal["x", "y"], pixels: float, per_tick: float) -> PlacedAxis:
    axis = panel.x if which == "x" else panel.y
    if any(isinstance(layer, Picture) for layer in panel.layers):
        return PlacedAxis(replace(axis, scale="linear"), (0.0, 1.0), {})
    parts = [np.ravel(part) for layer in panel.layers for part in _along(layer, which)]
    limits = axis.range or covering(np.concatenate([np.empty(0), *parts]), axis.scale)
    if axis.ticks is None:
        return PlacedAxis(axis, limits, ticks(limits, axis.scale, int(pixels / per_tick)))
    room = pixels / max(1, len(axis.ticks)) - 6
    tilted = which == "x" and any(text_width(text, TICK_SIZE) > room for text in axis.ticks.values())
    return PlacedAxis(axis, limits, axis.ticks, tilted)


def _along(layer: object, which: Literal["x", "y"]) -> list[ArrayLike]:
    """The numbers that the layer has along an axis."""
    match layer:
        case Band():
            return [layer.x] if which == "x" else [layer.low, layer.high]
        case Bars():
            y = np.asarray(layer.y, dtype=float)
            return [[0.0], layer.lengths] if which == "x" else [y - layer.thickness / 2, y + layer.thickness / 2]
        case Rule():
            return [layer.at] if layer.axis == which else []
        case Line() | Points() | Heat() | Text():
            return [getattr(layer, which)]
    return []


def _tagged(panel: Panel) -> list[Line | Rule]:
    lines = [layer for layer in panel.layers if isinstance(layer, Line) and layer.label]
    rules = [layer for layer in panel.layers if isinstance(layer, Rule) and layer.axis == "y" and layer.label]
    return [*lines, *rules]


def _tags_height(panel: Panel) -> float:
    return len(_tagged(panel)) * LABEL_SIZE * LINE_HEIGHT


def _tags(panel: Panel, x: PlacedAxis, y: PlacedAxis, pixels: float) -> tuple[Tag, ...]:
    ends = [(layer, end) for layer in _tagged(panel) if (end := _end(layer, x, y)) is not None]
    half = LABEL_SIZE * LINE_HEIGHT / 2 / pixels
    heights = spread([end[1] for _, end in ends], 2 * half, half, 1 - half)
    return tuple(
        Tag(layer.label, layer.colour, height, end) for (layer, end), height in zip(ends, heights, strict=True)
    )


def _end(layer: Line | Rule, x: PlacedAxis, y: PlacedAxis) -> tuple[float, float] | None:
    """Where the line ends, inside the panel; None where nothing of it can be drawn."""
    if isinstance(layer, Rule):
        return 1.0, float(y.share(layer.at))
    across, up = x.share(layer.x), y.share(layer.y)
    drawn = np.flatnonzero(np.isfinite(across) & np.isfinite(up))
    if not len(drawn):
        return None
    return float(np.clip(across[drawn[-1]], 0, 1)), float(np.clip(up[drawn[-1]], 0, 1))


def _widest(numbers: Mapping[float, str]) -> float:
    return max((text_width(text, TICK_SIZE) for text in numbers.values()), default=0.0)


def _lines(text: str, width: float, size: float) -> list[str]:
    letters = int((width - 2 * EDGE) / text_width("m", size) / _WORDS)
    return [line for part in text.split("\n") for line in textwrap.wrap(part, letters)]


def key_width(key: Key) -> float:
    """Pixels of an entry of the key, its mark and the space after it included."""
    return 18 + text_width(key.label, LABEL_SIZE) + 24


def _rows(keys: Sequence[Key], width: float) -> list[list[Key]]:
    rows: list[list[Key]] = []
    used = width
    for key in keys:
        if used + key_width(key) > width:
            rows.append([])
            used = 0.0
        rows[-1].append(key)
        used += key_width(key)
    return rows
