"""How likely so many pairs decide a comparison, and how many it takes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.intervals import usual_reaches

POWER = 0.8
MOST_PAIRS = 100_000
_POINTS = 40  # quantiles of an estimated spread that stand for its distribution


def chance_to_differ(pairs: int, difference: float, spread: float, level: float, freedom: float = math.inf) -> float:
    """P(the interval of `pairs` differences at `level` leaves out 0, on the true side).

    `difference` is the true mean and `spread` the standard deviation of a pair's, in one unit. Where the spread is an
    estimate with `freedom` degrees of freedom, as from a pilot, the chance is that in the mean over what the true one
    may be: taken for the truth, it would have a plan fall short more often than not.

    The power of the t test (noncentral t), without the chance of the wrong side, for intervals of few pairs that reach
    farther than Student's. Source: J. Cohen, "Statistical Power
    Analysis for the Behavioral Sciences"; means over an estimated spread: S. A. Julious, R. J. Owen, "Sample Size
    Calculations for Clinical Studies Allowing for Uncertainty about the Variance", Pharmaceutical Statistics 5 (2006).
    """
    critical = special.stdtrit(pairs - 1, (1 + level) / 2) * usual_reaches(pairs)[0]
    shift = math.sqrt(pairs) * abs(difference) / _true_spreads(spread, freedom)
    return float(np.mean(1 - special.nctdtr(pairs - 1, shift[:, None], critical)))


def chance_to_be_equivalent(
    pairs: int, smallest: float, spread: float, level: float, freedom: float = math.inf
) -> float:
    """P(the interval of `pairs` differences at `level` lies within `smallest` either way), where the true one is 0.

    The others as in :func:`chance_to_differ`. Source: D. J. Schuirmann, "A Comparison of the Two One-Sided Tests
    Procedure and the Power Approach", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
    """
    critical = special.stdtrit(pairs - 1, (1 + level) / 2) * usual_reaches(pairs)
    reaches = np.multiply.outer(_estimates(pairs - 1), critical)
    room = math.sqrt(pairs) * smallest / _true_spreads(spread, freedom)[:, None, None, None] - reaches
    return float(np.mean(np.maximum(0, special.ndtr(room).sum(axis=2) - 1)))


def pairs_needed(chance: Callable[[int], float], power: float = POWER) -> int | None:
    """The smallest number of pairs, from 2, of which `chance` says `power`; None where that is above 100,000.

    `chance` rises with the number.
    """
    enough = 2
    while chance(enough) < power:
        enough *= 2
        if enough > MOST_PAIRS:
            return None
    few = enough // 2
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if chance(middle) >= power else (middle, enough)
    return enough


def _estimates(freedom: float) -> NDArray[np.float64]:
    """What is found for a spread of 1 from so many degrees of freedom: equally likely values, of shape (points,)."""
    if math.isinf(freedom):
        return np.ones(1)
    chances = (np.arange(_POINTS) + 0.5) / _POINTS
    return np.sqrt(special.chdtri(freedom, 1 - chances) / freedom)


def _true_spreads(spread: float, freedom: float) -> NDArray[np.float64]:
    return spread / _estimates(freedom)
