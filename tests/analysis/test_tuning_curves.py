"""Tuning curves against closed forms, enumeration and simulation."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import median_low

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.order_statistics import tuning_curve
from optimizers import InputError


def test_the_best_of_k_is_that_of_every_choice_of_k():
    values = [0.31, 0.12, math.inf, 0.44, 0.23, 0.12, math.nan, 0.9]
    finite = [value if math.isfinite(value) else math.inf for value in values]
    expected = [median_low(map(min, combinations(finite, k))) for k in range(1, len(values) + 1)]
    assert tuning_curve(values, minimize=True).median.tolist() == expected


def test_uniform_values_give_the_closed_form():
    curve = tuning_curve(((np.arange(1000) + 0.5) / 1000).tolist(), minimize=True)
    few = curve.trials <= 500  # beyond, drawing without replacement begins to tell
    closed = 1 - 0.5 ** (1 / curve.trials)
    assert curve.median[few] == pytest.approx(closed[few], abs=1e-3)
    assert (curve.low[few] <= closed[few]).all()
    assert (curve.high >= closed).all()


def test_the_whole_search_found_its_best():
    values = np.random.default_rng(0).normal(size=33).tolist()
    assert tuning_curve(values, minimize=True).median[-1] == min(values)
    assert tuning_curve(values, minimize=False).median[-1] == max(values)


def test_more_trials_are_never_worse_and_maximising_mirrors_minimising():
    values = np.random.default_rng(1).normal(size=20)
    down, up = tuning_curve(values.tolist(), minimize=True), tuning_curve((-values).tolist(), minimize=False)
    for curve in (down.low, down.median, down.high):
        assert (curve[1:] <= curve[:-1]).all()
    assert (down.low <= down.median).all()
    assert (down.median <= down.high).all()
    assert np.array_equal(up.median, -down.median)
    assert np.array_equal(up.low, -down.high)
    assert np.array_equal(up.high, -down.low)


def test_misses_are_never_the_best():
    values = [math.nan, -math.inf, 0.5, math.inf]
    assert tuning_curve(values, minimize=True).median.tolist() == [math.inf, 0.5, 0.5, 0.5]
    assert tuning_curve(values, minimize=False).median.tolist() == [-math.inf, 0.5, 0.5, 0.5]


def test_intervals_are_scipys_of_a_quantile():
    values = np.random.default_rng(2).normal(size=40)
    curve = tuning_curve(values.tolist(), minimize=True, level=0.9)
    for k in range(1, 41):
        expected = stats.quantile_test(values, p=1 - 0.5 ** (1 / k)).confidence_interval(0.9)
        assert curve.low[k - 1] == (-math.inf if math.isnan(expected.low) else expected.low)
        assert curve.high[k - 1] == (math.inf if math.isnan(expected.high) else expected.high)


@pytest.mark.parametrize(("n", "level", "missing"), [(16, 0.95, 0.0), (32, 0.95, 0.4), (16, 0.8, 0.0)])
def test_intervals_cover_the_true_median_at_least_at_their_level(n, level, missing):
    generator = np.random.default_rng(n)
    true = 1 - 0.5 ** (1 / np.arange(1, n + 1))
    true = np.where(true > 1 - missing, math.inf, true)
    held = np.zeros(n)
    for _ in range(2000):
        values = generator.uniform(size=n)
        curve = tuning_curve(np.where(values > 1 - missing, math.inf, values).tolist(), minimize=True, level=level)
        held += (curve.low <= true) & (true <= curve.high)
    assert (held / 2000 >= level - 3 * math.sqrt(level * (1 - level) / 2000)).all()


def test_a_bootstrap_of_the_trials_would_not_cover():
    """Why there is none: nothing that is resampled is better than the best trial."""
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        values = generator.uniform(size=16)
        best = values[generator.integers(0, 16, (200, 16))].min(axis=1)
        low, high = np.quantile(best, [0.025, 0.975])
        held += low <= 1 - 0.5 ** (1 / 16) <= high
    assert held / 1000 < 0.55


@pytest.mark.parametrize(
    ("values", "level", "message"), [([], 0.95, "at least one trial"), ([1.0], 95, "between 0 and 1, not be 95")]
)
def test_impossible_input_is_refused(values, level, message):
    with pytest.raises(InputError, match=message):
        tuning_curve(values, minimize=True, level=level)


def test_one_trial_bounds_nothing():
    curve = tuning_curve([0.3], minimize=True)
    assert (curve.low[0], curve.median[0], curve.high[0]) == (-math.inf, 0.3, math.inf)
