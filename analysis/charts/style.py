"""How every figure looks: colours that colour-blind readers can tell apart, fonts, sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from search_spaces import ARM_COLOURS

if TYPE_CHECKING:
    from analysis.charts.chart import ColourBar, Dash
    from search_spaces import Sweep

INK, SOFT, GRID, MUTED = "#222222", "#555555", "#E6E6E6", "#B4B4B4"
# Verdana has the widths of DejaVu Sans, which matplotlib brings.
FONTS = ("DejaVu Sans", "Verdana", "sans-serif")
# Pixels, at 100 in an inch.
TITLE_SIZE, LABEL_SIZE, TICK_SIZE, CAPTION_SIZE = 15.0, 12.0, 11.0, 11.0
DOTS_PER_INCH = 100
# Matplotlib's viridis without its lightest end, which is hardly seen on white.
SHADES = ("#440154", "#482475", "#414487", "#355F8D", "#2A788E", "#21918C", "#22A884", "#44BF70", "#7AD151", "#BDDF26")
_DASHES: tuple[Dash, ...] = ("solid", "dashed", "dotted")
_LEAST_CONTRAST = 4.5
_STEPS = 32  # lines of the same shade are drawn as one


def arm_dash(sweep: Sweep, arm: str) -> Dash:
    """Solid, and another pattern for each further round through the colours."""
    return _DASHES[list(sweep.arms).index(arm) // len(ARM_COLOURS) % len(_DASHES)]


def shade(value: float, bar: ColourBar) -> str:
    """The colour of a value on a colour bar, one of 33: dark at its low end. Grey for what is not finite."""
    low, high, at = (_on_scale(number, bar) for number in (bar.low, bar.high, value))
    if not math.isfinite(at):
        return MUTED
    share = min(max((at - low) / (high - low), 0.0), 1.0) if high > low else 0.0
    share = round(_STEPS * share) / _STEPS
    channels = np.array([_channels(colour) for colour in SHADES]).T
    along = np.linspace(0, 1, len(SHADES))
    return _colour([float(np.interp(share, along, channel)) for channel in channels])


def readable(colour: str) -> str:
    """The colour, darkened until text in it can be read on white (contrast 4.5, as WCAG 2 asks)."""
    channels = _channels(colour)
    while 1.05 / (_luminance(channels) + 0.05) < _LEAST_CONTRAST:
        channels = [0.95 * channel for channel in channels]
    return _colour(channels)


def text_width(text: str, size: float) -> float:
    """Pixels that a line of text takes at most, or nearly so, in any of the fonts."""
    return 0.62 * size * len(text)


def _on_scale(value: float, bar: ColourBar) -> float:
    if bar.scale == "linear":
        return value
    return math.log(value) if value > 0 else math.nan


def _channels(colour: str) -> list[float]:
    return [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]


def _colour(channels: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in channels)


def _luminance(channels: Sequence[float]) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
