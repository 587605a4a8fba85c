"""How numbers are written: accuracies in percent and points, everything else plainly."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from analysis.statistics.intervals import Interval

_MOST_DECIMALS = 8


def is_fraction(metric: str) -> bool:
    """Whether the metric lies in [0, 1] and is shown in percent."""
    return metric.endswith("accuracy")


def counts_steps(metric: str) -> bool:
    """Whether the metric is a number of optimizer steps."""
    return metric.rpartition("/")[2].startswith("steps")


@dataclass(frozen=True)
class MetricFormat:
    """Writes values, estimates and differences of one metric; the numbers given are as MLflow holds them."""

    metric: str

    @property
    def _scale(self) -> float:
        return 100.0 if is_fraction(self.metric) else 1.0

    @property
    def _fewest_decimals(self) -> int:
        return 1 if is_fraction(self.metric) else 0

    @property
    def _percent(self) -> str:
        return " %" if is_fraction(self.metric) else ""

    @property
    def unit(self) -> str:
        """What a difference counts: "points", "steps", or "in test/loss"."""
        if is_fraction(self.metric):
            return "points"
        return "steps" if counts_steps(self.metric) else f"in {self.metric}"

    def as_stored(self, difference: float) -> float:
        """A difference as MLflow holds it, from one as it is written here: 0.2 points of an accuracy are 0.002."""
        return difference / self._scale

    def value(self, value: float) -> str:
        """97.3 %, or four significant digits."""
        if is_fraction(self.metric):
            return f"{100 * value:.1f} %"
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"

    def estimate(self, mean: float, interval: Interval | None) -> str:
        """97.3 % [96.9, 97.6]; the mean alone without an interval."""
        if interval is None:
            return self.value(mean)
        decimals = self._decimals(interval)
        return f"{self._number(mean, decimals)}{self._percent} {self._bounds(interval, decimals)}"

    def difference(self, mean: float, interval: Interval | None) -> str:
        """+0.1 [-0.3, +0.5], in points for accuracies."""
        if interval is None:
            return self.effect(mean, "+")
        decimals = self._decimals(interval)
        return f"{self._number(mean, decimals, '+')} {self._bounds(interval, decimals, '+')}"

    def difference_in_words(self, mean: float, interval: Interval) -> str:
        """+0.4 points [0.1, 0.7]."""
        decimals = self._decimals(interval)
        return f"{self._number(mean, decimals, '+')} {self.unit} {self._bounds(interval, decimals)}"

    def effect(self, difference: float, sign: str = "") -> str:
        """A difference in two significant digits, without trailing zeros."""
        rounded = float(f"{difference:.1e}") * self._scale
        if rounded == 0 or abs(rounded) < 1e-4:
            return f"{rounded:{sign}.2g}" if rounded else "0"
        decimals = max(0, 1 - math.floor(math.log10(abs(rounded))))
        text = f"{rounded:{sign},.{decimals}f}"
        return text.rstrip("0").rstrip(".") if decimals else text

    def _bounds(self, interval: Interval, decimals: int, sign: str = "") -> str:
        low, high = (self._number(bound, decimals, sign) for bound in (interval.low, interval.high))
        return f"[{low}, {high}]"

    def _number(self, value: float, decimals: int, sign: str = "") -> str:
        rounded = round(value * self._scale, decimals)
        thousands = "," if abs(rounded) >= 1e4 else ""
        return f"{rounded:{sign}{thousands}.{decimals}f}" if rounded else f"{0:.{decimals}f}"

    def _decimals(self, interval: Interval) -> int:
        """Enough to make the interval three units wide, and no bound look like 0 where 0 is excluded."""
        low, high = interval.low * self._scale, interval.high * self._scale
        if high <= low:
            return self._fewest_decimals
        decimals = max(self._fewest_decimals, -math.floor(math.log10((high - low) / 3)))
        if interval.excludes_zero:
            decimals = max(decimals, -math.floor(math.log10(min(abs(low), abs(high)))))
        return min(decimals, _MOST_DECIMALS)


def percent(level: float) -> str:
    """98.3 %: a level of intervals, with as many decimals as tell it from 100 %."""
    decimals = max(1, 1 - math.floor(math.log10(1 - level) + 2)) if level < 1 else 1
    return f"{100 * level:.{decimals}f} %".replace(".0 %", " %")


def steps(median: float | None) -> str:
    """Steps to the target: "410", "never", or "" where it was not measured."""
    if median is None:
        return ""
    return "never" if math.isinf(median) else f"{median:,.0f}"


def times(ratio: float) -> str:
    """1.8 times: a positive ratio in two significant digits."""
    return f"{ratio:,.{max(0, 1 - math.floor(math.log10(ratio)))}f} times"


def outcome_counts(counts: Iterable[tuple[str, int]]) -> str:
    """12 finished, 3 pruned; outcomes that did not occur are left out."""
    return ", ".join(f"{count} {outcome}" for outcome, count in counts if count)
