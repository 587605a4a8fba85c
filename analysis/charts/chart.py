"""A chart as plain data, which one module draws with matplotlib and another with plotly.

    chart = loss_curves(tables)                  # a module of analysis/figures
    draw_matplotlib.save(chart, "curves.png")
    draw_plotly.to_plotly(chart)

As the last expression of a notebook's cell a chart shows itself: drawn with plotly, and, where a notebook is read that
knows no plotly, as a picture.

Positions are in the axes' own units, also on a logarithmic axis. Values that are not finite leave a gap, and so do
those that are not positive on a logarithmic axis. Colours are "#RRGGBB".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Numbers = Sequence[float] | np.ndarray
Scale = Literal["linear", "log"]
Dash = Literal["solid", "dashed", "dotted"]
Symbol = Literal["circle", "ring", "cross", "square", "diamond", "triangle"]


@dataclass(frozen=True)
class Axis:
    """``label`` says what is measured and in which unit.

    ``ticks`` are texts by position, in place of numbers; ``range`` is from left to right, or from bottom to top, and
    covers the data when left out.
    """

    label: str
    scale: Scale = "linear"
    ticks: Mapping[float, str] | None = None
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """``label`` stands at the panel's right edge, at the height of the line's end.

    ``hover`` is shown where a reader can point: one text, or one for each point.
    """

    x: Numbers
    y: Numbers
    colour: str
    label: str = ""
    dash: Dash = "solid"
    width: float = 1.8
    opacity: float = 1.0
    stepped: bool = False
    hover: str | Sequence[str] = ""


@dataclass(frozen=True)
class Band:
    """The area between two lines, ``low`` and ``high``."""

    x: Numbers
    low: Numbers
    high: Numbers
    colour: str
    opacity: float = 0.18
    stepped: bool = False


@dataclass(frozen=True)
class Points:
    """``colour`` is that of all, or one for each; ``hover`` a text for each, shown where a reader can point."""

    x: Numbers
    y: Numbers
    colour: str | Sequence[str]
    symbol: Symbol = "circle"
    size: float = 7.0
    label: str = ""
    hover: Sequence[str] = ()


@dataclass(frozen=True)
class Bars:
    """Horizontal bars from 0 to ``lengths``, at the heights ``y``; ``thickness`` in units of the y axis."""

    y: Numbers
    lengths: Numbers
    colour: str | Sequence[str]
    thickness: float = 0.7
    hover: Sequence[str] = ()


@dataclass(frozen=True)
class Heat:
    """Filled contours of ``z`` of shape (len(y), len(x)), NaN where it is unknown, in colours of the panel's bar."""

    x: Numbers
    y: Numbers
    z: np.ndarray


@dataclass(frozen=True)
class Rule:
    """A straight line across the panel at one value of an axis, with a label at its upper or right end."""

    axis: Literal["x", "y"]
    at: float
    colour: str
    label: str = ""
    dash: Dash = "solid"
    width: float = 1.0


@dataclass(frozen=True)
class Text:
    """Words at a point, to its right ("left" aligned), around it, or to its left."""

    x: float
    y: float
    text: str
    colour: str
    align: Literal["left", "center", "right"] = "left"


@dataclass(frozen=True)
class Picture:
    """Pixels that fill the panel: uint8 of shape (height, width) or (height, width, 3)."""

    pixels: np.ndarray


Layer = Line | Band | Points | Bars | Heat | Rule | Text | Picture


@dataclass(frozen=True)
class ColourBar:
    """What the colours of `style.shade` mean, from ``low`` to ``high``."""

    label: str
    low: float
    high: float
    scale: Scale = "linear"


@dataclass(frozen=True)
class Key:
    """What a colour or a symbol means where no label can stand beside it."""

    label: str
    colour: str
    symbol: Symbol | Literal["line"] = "circle"


@dataclass(frozen=True)
class Panel:
    """One pair of axes and what is drawn on them, the first layer at the bottom."""

    x: Axis
    y: Axis
    layers: Sequence[Layer]
    title: str = ""
    bar: ColourBar | None = None


@dataclass(frozen=True)
class Chart:
    """Panels in rows of ``columns``, under a title and over a caption.

    ``size`` is a panel's width and height in pixels. ``caption`` says what is shown, what bands and marks are, and
    what is missing.
    """

    title: str
    panels: Sequence[Panel]
    columns: int = 1
    caption: str = ""
    key: Sequence[Key] = ()
    size: tuple[int, int] = field(default=(400, 270))

    def show(self) -> None:
        """Show the chart: under a notebook's cell, and elsewhere in a browser."""
        _displays[-1].show(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return _displays[-1].bundle(self)


@dataclass(frozen=True)
class Display:
    """``show`` opens a chart; ``bundle`` returns it by MIME type, as IPython's ``_repr_mimebundle_``."""

    show: Callable[[Chart], None]
    bundle: Callable[[Chart], dict[str, Any]]


_displays: list[Display] = []


def display_with(display: Display) -> None:
    """Have every chart show itself by ``display``, so that charts need not know who draws them."""
    _displays.append(display)
