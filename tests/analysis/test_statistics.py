"""Statistics against closed forms, SciPy and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from analysis.statistics import intervals
from analysis.statistics.intervals import (
    PairKey,
    bootstrap_interval,
    effect_size,
    paired_difference,
    probability_of_improvement,
)
from analysis.statistics.time_to_target import median_steps
from optimizers import InputError


def keyed(*strata: list[float]) -> dict[PairKey, float]:
    return {(rank, seed): score for rank, scores in enumerate(strata, 1) for seed, score in enumerate(scores, 1)}


def test_a_plain_percentile_bootstrap_would_not_cover():
    """Why the interval is widened at all: with three scores the plain one misses about one time in four."""
    generator = np.random.default_rng(3)
    samples = generator.normal(size=(4000, 3))
    # the 2.5 % point of 27 equally likely resamples is the one with the smallest score alone
    assert np.mean((samples.min(axis=1) <= 0) & (samples.max(axis=1) >= 0)) < 0.8


def test_three_scores_give_the_closed_form():
    """The skew at the longer end, and Student's bound at the shorter one."""
    low, mean, high = 1.0, 3.0, 8.0 / 3 * 2
    scores = [low, 3 * mean - low - high, high]
    interval = bootstrap_interval(scores)
    c = math.sqrt(3 / 2) * stats.t.ppf(0.975, 2) / stats.norm.ppf(0.975)
    assert interval is not None
    assert interval.low == pytest.approx(stats.ttest_1samp(scores, 0).confidence_interval(0.95).low, rel=1e-9)
    assert interval.high == pytest.approx(mean + c * (high - mean), rel=1e-9)


def test_no_interval_is_narrower_than_students():
    for scores in np.random.default_rng(0).normal(size=(200, 5)).tolist():
        interval, student = bootstrap_interval(scores), stats.ttest_1samp(scores, 0).confidence_interval(0.95)
        assert interval is not None
        assert interval.low <= student.low + 1e-9
        assert interval.high >= student.high - 1e-9


def test_many_scores_give_students_interval():
    scores = np.random.default_rng(0).normal(5, 2, size=400).tolist()
    interval = bootstrap_interval(scores)
    expected = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert interval is not None
    assert interval.low == pytest.approx(expected.low, abs=0.02)
    assert interval.high == pytest.approx(expected.high, abs=0.02)


def test_skew_shows_in_the_interval():
    interval = bootstrap_interval([0.0, 0.0, 0.1, 0.1, 5.0])
    assert interval is not None
    assert interval.high - 1.04 > 1.2 * (1.04 - interval.low)


def test_interval_is_deterministic_and_moves_with_units():
    scores = [0.91, 0.95, 0.93, 0.9]
    first, again = bootstrap_interval(scores), bootstrap_interval(scores)
    in_percent = bootstrap_interval([100 * score + 3 for score in scores])
    assert first == again
    assert first is not None
    assert in_percent is not None
    assert in_percent.low == pytest.approx(100 * first.low + 3)
    assert in_percent.high == pytest.approx(100 * first.high + 3)


def test_a_higher_level_is_wider():
    scores = [0.91, 0.95, 0.93]
    usual, corrected = bootstrap_interval(scores), bootstrap_interval(scores, 0.99)
    assert usual is not None
    assert corrected is not None
    assert corrected.low < usual.low < usual.high < corrected.high


def test_distance_between_configurations_is_not_spread():
    near = bootstrap_interval(keyed([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]))
    far = bootstrap_interval(keyed([1.0, 2.0, 3.0], [101.0, 102.0, 103.0]))
    assert near is not None
    assert far is not None
    assert far.high - far.low == pytest.approx(near.high - near.low)


def test_the_ranks_of_a_seed_go_together():
    """The interval of several ranks is that of the seeds' means."""
    first, second = [0.91, 0.95, 0.93, 0.9], [0.4, 0.42, 0.47, 0.43]
    together = bootstrap_interval(keyed(first, second))
    means = bootstrap_interval([(one + other) / 2 for one, other in zip(first, second, strict=True)])
    assert together is not None
    assert means is not None
    assert (together.low, together.high) == pytest.approx((means.low, means.high))


@pytest.mark.parametrize(
    "scores",
    [
        [],
        [1.0],
        [2.0, 2.0, 2.0],
        [0.1 + 0.2, 0.3, 0.3],
        {},
        {(1, 1): 1.0, (1, 2): 2.0, (2, 1): 3.0},
        {(1, 1): 1.0, (1, 2): 1.0, (2, 1): 2.0, (2, 2): 2.0},
        {(1, 1): 1.0, (1, 2): 2.0, (2, 1): 2.0, (2, 2): 1.0},  # the seeds' means are equal
    ],
)
def test_no_interval_where_there_is_no_spread_to_judge_by(scores):
    assert bootstrap_interval(scores) is None


@pytest.mark.parametrize(("scores", "level"), [([1.0, math.nan], 0.95), ([1.0, math.inf], 0.95), ([1.0, 2.0], 95)])
def test_impossible_input_is_refused(scores, level):
    with pytest.raises(InputError, match=r"nan|inf|95"):
        bootstrap_interval(scores, level)


def test_differences_are_paired_by_seed_and_rank():
    arm = {(1, 1): 5.0, (1, 2): 9.0, (1, 3): 1.0, (2, 1): 0.0, (1, 8): 100.0}
    baseline = {(1, 3): 0.5, (1, 1): 4.0, (1, 2): 8.5, (3, 1): 7.0, (1, 9): -100.0}
    difference = paired_difference(arm, baseline)
    assert difference is not None
    assert difference.differences == {(1, 1): 1.0, (1, 2): 0.5, (1, 3): 0.5}
    assert difference.mean == pytest.approx(2 / 3)
    assert difference.seeds == (1, 2, 3)
    assert difference.interval == bootstrap_interval([1.0, 0.5, 0.5])
    assert paired_difference({(1, 1): 1.0}, {(1, 2): 1.0}) is None


def test_pairing_takes_the_luck_of_the_seed_away():
    luck = np.random.default_rng(0).normal(0, 10, size=5)
    noise = np.random.default_rng(1).normal(0, 0.1, size=5)
    baseline = {(1, seed): float(luck[seed]) for seed in range(5)}
    arm = {(1, seed): float(luck[seed] + 1 + noise[seed]) for seed in range(5)}
    difference = paired_difference(arm, baseline)
    assert difference is not None
    assert difference.interval is not None
    assert 0.7 < difference.interval.low < 1 < difference.interval.high < 1.3


def test_effect_size_is_cohens_d_within_configurations():
    generator = np.random.default_rng(0)
    arm, baseline = generator.normal(2, 1, 6), generator.normal(0, 3, 6)
    t_test = stats.ttest_ind(arm, baseline).confidence_interval(0.95)
    # half of Student's interval is t sd sqrt(2 / n)
    spread = (t_test.high - t_test.low) / 2 / stats.t.ppf(0.975, 10) / math.sqrt(2 / 6)
    found = effect_size(keyed(arm.tolist()), keyed(baseline.tolist()))
    assert found == pytest.approx((arm.mean() - baseline.mean()) / spread)
    assert effect_size(keyed([5.0, 7.0]), keyed([1.0, 3.0])) == pytest.approx(4 / math.sqrt(2))
    # what lies between the configurations of an arm is no spread between seeds
    apart = effect_size(keyed([5.0, 7.0], [105.0, 107.0]), keyed([1.0, 3.0], [101.0, 103.0]))
    assert apart == pytest.approx(4 / math.sqrt(2))


def test_effect_size_is_of_the_difference_that_is_shown():
    arm, baseline = keyed([5.0, 7.0, 9.0]), keyed([1.0, 3.0])
    difference = paired_difference(arm, baseline)
    assert difference is not None
    assert effect_size(arm, baseline) == pytest.approx(difference.mean / math.sqrt((8 + 2) / (2 + 1)))


@pytest.mark.parametrize(
    ("arm", "baseline"),
    [({}, keyed([1.0, 2.0])), (keyed([1.0]), keyed([2.0])), (keyed([1.0, 1.0], [2.0, 2.0]), keyed([3.0, 3.0]))],
)
def test_effect_size_without_pairs_or_spread(arm, baseline):
    assert effect_size(arm, baseline) is None


@pytest.mark.parametrize(("seeds", "factor"), [(3, 1.25), (5, 1.11)])
def test_effect_size_of_few_seeds_is_as_biased_as_it_says(seeds, factor):
    generator = np.random.default_rng(seeds)
    found = [
        effect_size(keyed(generator.normal(1, 1, seeds).tolist()), keyed(generator.normal(0, 1, seeds).tolist()))
        for _ in range(10_000)
    ]
    assert np.mean([effect or 0.0 for effect in found]) == pytest.approx(factor, abs=0.04)


def test_probability_of_improvement_is_mann_whitney():
    generator = np.random.default_rng(0)
    arm, baseline = generator.integers(0, 6, size=7).tolist(), generator.integers(0, 6, size=5).tolist()
    expected = stats.mannwhitneyu(arm, baseline).statistic / 35
    assert probability_of_improvement(arm, baseline) == pytest.approx(expected)
    assert probability_of_improvement(arm, baseline, minimize=True) == pytest.approx(1 - expected)
    assert probability_of_improvement([1.0], [1.0]) == 0.5
    assert probability_of_improvement([], [1.0]) is None
    assert probability_of_improvement([1.0], []) is None


@pytest.mark.parametrize("level", [0.95, 1 - 0.05 / 9])
@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_detectable_difference_has_its_power_in_the_mean_over_estimated_spreads(n, level):
    """By quadrature of the noncentral t test's power over the distribution of the estimate, a scaled chi.

    An interval of few seeds reaches farther than the t test's; that it does as much as in simulation is tested by
    `test_the_difference_said_to_be_seen_is_seen_four_times_in_five`.
    """
    unit = np.linspace(-1, 1, n)
    detectable = intervals.detectable_difference((unit / unit.std(ddof=1)).tolist(), level)
    assert detectable is not None
    freedom, critical = n - 1, stats.t.ppf((1 + level) / 2, n - 1) * intervals.usual_reaches(n)[0]

    def density(estimated: float) -> float:
        return float(stats.chi.pdf(estimated * math.sqrt(freedom), freedom)) * math.sqrt(freedom)

    def missed(estimated: float) -> float:
        return special.nctdtr(freedom, detectable * math.sqrt(n) * estimated, critical).mean() * density(estimated)

    assert 1 - integrate.quad(missed, 0, 1.5, limit=200)[0] == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize(("level", "power"), [(0.95, 0.8), (0.99, 0.9)])
def test_the_detectable_difference_of_many_pairs_is_the_t_tests(level, power):
    """Of 1,000 pairs the spread is known, and the textbook's sum of quantiles holds."""
    scores = np.random.default_rng(0).normal(3, 2, size=1000)
    expected = stats.norm.ppf([(1 + level) / 2, power]).sum() * scores.std(ddof=1) / math.sqrt(1000)
    found = intervals.detectable_difference(scores.tolist(), level, power)
    assert found == pytest.approx(expected, rel=5e-3)


def test_the_detectable_difference_depends_on_the_spread_alone():
    scores = [0.4, 1.1, 0.2, 0.9]
    found = intervals.detectable_difference(scores)
    assert found is not None
    assert intervals.detectable_difference([score - 7 for score in scores]) == pytest.approx(found)
    assert intervals.detectable_difference([-100 * score for score in scores]) == pytest.approx(100 * found)


def test_the_detectable_difference_counts_seeds_not_configurations():
    by_seed = {(1, 1): 0.0, (2, 1): 2.0, (1, 2): 1.0, (2, 2): 3.0, (1, 3): -1.0, (2, 3): 1.0}
    expected = intervals.detectable_difference([1.0, 2.0, 0.0])
    assert intervals.detectable_difference(by_seed) == pytest.approx(expected)


@pytest.mark.parametrize("differences", [[], [1.0], [1.0, 1.0], {(1, 1): 1.0, (1, 2): 2.0, (2, 1): 0.5}])
def test_no_detectable_difference_without_a_spread(differences):
    assert intervals.detectable_difference(differences) is None


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([30], 30),
        ([None], math.inf),
        ([10, 30, None], 30),
        ([10, None], math.inf),
        ([40, 10, 30, None], 35),
        ([10, None, None, 20], math.inf),
        ([10, None, None], math.inf),
    ],
)
def test_median_steps_counts_a_miss_as_never(steps, expected):
    assert median_steps(steps) == expected
