"""What an axis shows: its range and the numbers along it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from analysis.charts.chart import Scale

Range = tuple[float, float]
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ROOM = 0.04  # of the panel, free at each end


def transformed(values: ArrayLike, scale: Scale) -> np.ndarray:
    """Where the values lie along the axis: themselves, or their decimal logarithms; NaN where they have no place."""
    numbers = np.asarray(values, dtype=float)
    if scale == "log":
        numbers = np.log10(np.where(numbers > 0, numbers, np.nan))
    return np.where(np.isfinite(numbers), numbers, np.nan)


def covering(values: np.ndarray, scale: Scale) -> Range:
    """A range with some room around all values that have a place on the axis; 0 to 1, or 1 to 10, when none has."""
    places = transformed(values, scale)
    places = places[np.isfinite(places)]
    if not len(places):
        return (1.0, 10.0) if scale == "log" else (0.0, 1.0)
    low, high = float(places.min()), float(places.max())
    spread = high - low
    room = (
        _ROOM * spread if spread > 1e-9 * max(abs(low), abs(high)) else 0.3 if scale == "log" else abs(high) / 10 or 1
    )
    low, high = low - room, high + room
    return (10**low, 10**high) if scale == "log" else (low, high)


def ticks(limits: Range, scale: Scale, most: int) -> Mapping[float, str]:
    """At most about so many round numbers in the range, with their texts."""
    low, high = sorted(limits)
    found = _logarithmic(low, high, most) if scale == "log" else []
    if len(found) < 2:
        found = _linear(low, high, most)
    return dict(zip(found, texts(found, scale), strict=True))


def texts(numbers: Sequence[float], scale: Scale) -> list[str]:
    """The numbers as they are written at an axis: 0.05, 1,000, and powers of ten at a logarithmic one."""
    extreme = [number for number in numbers if number and not 1e-3 <= abs(number) < 1e5]
    if scale == "log" and extreme:
        return [_as_power(number) for number in numbers]
    return [_plain(number) for number in numbers]


def _linear(low: float, high: float, most: int) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(nbins=max(2, most), steps=[1, 2, 2.5, 5, 10])
    slack = 1e-9 * (high - low)
    # Rounding leaves 0.30000000000000004 behind, and 1e-17 for 0.
    return [
        0.0 if abs(tick) < slack else float(f"{tick:.12g}")
        for tick in locator.tick_values(low, high)
        if low - slack <= tick <= high + slack
    ]


def _logarithmic(low: float, high: float, most: int) -> list[float]:
    decades = math.log10(high / low)
    digits = (1, 2, 5) if decades < most / 3 else (1, 3) if decades < most / 2 else (1,)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, math.ceil(decades / most))
    exact = [float(f"{digit}e{power}") for power in exponents if power % every == 0 for digit in digits]
    return [tick for tick in exact if low <= tick * (1 + 1e-9) and tick <= high * (1 + 1e-9)]


def _as_power(number: float) -> str:
    digit, _, power = f"{number:.0e}".partition("e")
    ten = "10" + str(int(power)).translate(_SUPERSCRIPTS) if int(power) else ""
    return ten or digit if digit == "1" else f"{digit}·{ten}" if ten else digit


def _plain(number: float) -> str:
    if abs(number) >= 1e9 or 0 < abs(number) < 1e-4:
        return f"{number:.3g}"
    return f"{number:,.8f}".rstrip("0").rstrip(".").replace("-", "−")
