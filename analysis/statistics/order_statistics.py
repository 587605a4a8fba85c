"""Tuning curves: what a search with fewer trials would have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizers import InputError

_ROUNDING = 1e-9


@dataclass(frozen=True)
class TuningCurve:
    """The best of `trials` trials, element by element, in the unit of the values; arrays of shape (n,).

    `median` lies between `low` and `high`, an interval at the level asked for. A bound is infinite where n trials
    cannot give one.
    """

    trials: NDArray[np.int64]
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def tuning_curve(values: Sequence[float], minimize: bool, level: float = 0.95) -> TuningCurve:
    """The best value that a search of k trials would have found, for k = 1 to n, from the `values` of n trials.

    A value that is not finite (a pruned or diverged trial) is never the best; with many of them the median of few
    trials is infinite, which is why the curve is a median and not a mean.

    - `median`: of the best of k trials drawn from the n without replacement. At k = n it is the best that was found.
      Dodge et al. draw with replacement, so that the best trial is often left out and too little expected of a large
      budget; Tang et al. show this bias and that draws without replacement have none in the mean.
    - `low`, `high`: interval of the true median at `level`, for each k by itself. The median of the best of k is the
      quantile 1 - 0.5^(1/k) of all values that trials can have, and two of the sorted values enclose a quantile with
      a probability that the binomial distribution gives exactly. It holds for every distribution, ties and misses
      included, and covers at least as often as it says. A bootstrap of the trials does not: no resample holds
      anything better than the best trial, so at k = n its intervals miss half the time (Lourie et al.). The price is
      honest: beyond about n / 5 trials nothing bounds how lucky a search may be (at 95 %), and that side is infinite.

    The trials count as drawn independently. Those of a sampler that learns are not: the curve then tells what k of
    these would have given, not what the sampler's first k would.

    Raises InputError where there are no values, or for a level outside (0, 1).

    Sources: J. Dodge et al., "Show Your Work", EMNLP 2019; R. Tang et al., "Showing Your Work Doesn't Always Work",
    ACL 2020; N. Lourie, K. Cho, H. He, "Show Your Work with Confidence", NAACL 2024; order statistics: H. A. David,
    H. N. Nagaraja, "Order Statistics", section 7.1.
    """
    if not 0 < level < 1:
        raise InputError(f"The level of an interval must lie between 0 and 1, not be {level}.")
    if not len(values):
        raise InputError("A tuning curve needs the value of at least one trial.")
    costs = np.asarray(values, dtype=float) * (1 if minimize else -1)
    ordered = np.sort(np.where(np.isfinite(costs), costs, np.inf))
    trials = np.arange(1, len(ordered) + 1)
    low, high = _interval(ordered, trials, level)
    median = ordered[_place_of_median(trials)]
    if minimize:
        return TuningCurve(trials, median, low, high)
    return TuningCurve(trials, -median, -high, -low)


def _place_of_median(trials: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each k the first place in the sorted values that the best of k of them reaches half the time."""
    n = len(trials)
    # each of the best j values in turn is not among the k drawn: C(n - j, k) / C(n, k) as a product over j
    left_out = np.maximum(0.0, 1 - trials[:, None] / (n - np.arange(n)))
    return (np.cumprod(left_out, axis=1) <= 0.5 + _ROUNDING).argmax(axis=1)


def _interval(
    ordered: NDArray[np.float64], trials: NDArray[np.int64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.stats import binom

    n = len(ordered)
    below_median = -np.expm1(np.log(0.5) / trials)  # the share of all possible values that are better than it
    places = binom.ppf([[(1 - level) / 2], [(1 + level) / 2]], n, below_median).astype(int)
    bounded = np.concatenate([[-np.inf], ordered, [np.inf]])
    return bounded[places[0]], bounded[places[1] + 1]
