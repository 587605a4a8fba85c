"""The statistics against known truth, by simulation: what is said to hold in 95 of 100 cases does.

Each test draws 300 data sets in the gate, so a share near 95 % has a standard error of 1.3 points, and 2,000 with
``--full``, of half a point; what it allows follows from that.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.intervals import (
    Interval,
    PairKey,
    bootstrap_interval,
    detectable_difference,
    paired_difference,
    probability_of_improvement,
)
from analysis.verdict.judgement import judge

if TYPE_CHECKING:
    from analysis.data.runs import SweepRecords
    from tests.analysis.conftest import Make
    from tests.conftest import Extent


@pytest.fixture(scope="module")
def simulations(extent: Extent) -> int:
    return extent.simulations


def standard_error(share: float, simulations: int) -> float:
    return math.sqrt(share * (1 - share) / simulations)


def near(share: float, simulations: int) -> Any:
    """A share up to a point, which is the method's own, and to two and a half standard errors of the simulation."""
    return pytest.approx(share, abs=0.01 + 2.5 * standard_error(share, simulations))


def holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.low <= truth <= interval.high


def drawn(generator: np.random.Generator, seeds: int, ranks: int, shared: float = 0.0) -> dict[PairKey, float]:
    """Normal scores with standard deviation 1 about 100 times their rank; ranks correlate by `shared` over seeds."""
    luck = math.sqrt(shared) * generator.normal(size=seeds)
    own = math.sqrt(1 - shared) * generator.normal(size=(ranks, seeds))
    return {
        (rank, seed): float(100 * rank + luck[seed] + own[rank, seed]) for rank in range(ranks) for seed in range(seeds)
    }


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(("ranks", "shared"), [(1, 0.0), (2, 0.0), (2, 0.9), (3, 0.3)])
def test_intervals_cover_the_mean(seeds, ranks, shared, simulations: int):
    generator = np.random.default_rng((seeds, ranks))
    truth = 100 * (ranks - 1) / 2
    held = sum(holds(bootstrap_interval(drawn(generator, seeds, ranks, shared)), truth) for _ in range(simulations))
    assert held / simulations == near(0.95, simulations)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("ranks", [1, 2])
def test_intervals_of_paired_differences_cover_the_true_difference(seeds, ranks, simulations: int):
    """Both arms have the luck of the seed, and each its own."""
    generator = np.random.default_rng((seeds, ranks))
    held = 0
    for _ in range(simulations):
        luck = drawn(generator, seeds, ranks, shared=1.0)
        arm, baseline = (drawn(generator, seeds, ranks, shared=0.3) for _ in range(2))
        arm = {key: luck[key] + score + 0.5 for key, score in arm.items()}
        baseline = {key: luck[key] + score for key, score in baseline.items()}
        difference = paired_difference(arm, baseline)
        held += difference is not None and holds(difference.interval, 0.5)
    assert held / simulations == near(0.95, simulations)


def test_intervals_cover_where_a_score_is_missing(simulations: int):
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(simulations):
        scores = drawn(generator, 5, 2, shared=0.3)
        del scores[1, 4]
        held += holds(bootstrap_interval(scores), 100 * 4 / 9)
    assert held / simulations == near(0.95, simulations)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_intervals_cover_at_the_level_of_nine_comparisons(seeds, simulations: int):
    generator = np.random.default_rng(seeds)
    level = 1 - 0.05 / 9
    held = sum(holds(bootstrap_interval(drawn(generator, seeds, 1), level), 0) for _ in range(simulations))
    assert held / simulations >= level - 3 * standard_error(level, simulations)


@pytest.mark.parametrize(("name", "said"), [("exponential", 0.89), ("lognormal", 0.84)])
def test_intervals_of_skewed_scores_cover_as_little_as_is_said(name, said, simulations: int):
    generator = np.random.default_rng(0)
    truth = {"exponential": 1.0, "lognormal": math.exp(0.5)}[name]
    held = sum(holds(bootstrap_interval(getattr(generator, name)(size=5).tolist()), truth) for _ in range(simulations))
    assert held / simulations == near(said, simulations)


@pytest.mark.parametrize("effect", [-1.0, 0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("seeds", [3, 10])
def test_the_probability_of_improvement_is_that_of_the_truth(effect, seeds, simulations: int):
    generator = np.random.default_rng(seeds)
    scores = generator.normal(size=(simulations, 2, seeds))
    arms, baselines = (scores[:, 0] + effect).tolist(), scores[:, 1].tolist()
    told = list(map(probability_of_improvement, arms, baselines))
    truth = stats.norm.cdf(effect / math.sqrt(2))
    mean = np.mean([chance for chance in told if chance is not None])
    assert mean == pytest.approx(truth, abs=0.9 / math.sqrt(simulations))
    downwards = probability_of_improvement(arms[0], baselines[0], minimize=True)
    assert downwards == pytest.approx(1 - (told[0] or 0.0))


def with_scores(records: SweepRecords, scores: np.ndarray) -> SweepRecords:
    """`scores` has the shape (arms, seeds), as the confirmations of ``Make.confirmed`` go."""
    runs = zip(records.confirmations, scores.ravel().tolist(), strict=True)
    return replace(records, confirmations=tuple(replace(run, metrics={"test/loss": score}) for run, score in runs))


def blank(make: type[Make], arms: int, seeds: int = 5) -> SweepRecords:
    zeros = {f"arm-{number}": [0.0] * seeds for number in range(arms)}
    return make.confirmed(zeros, score="test/loss", target=None, seeds=tuple(range(1, seeds + 1)))


def test_ten_arms_without_a_difference_are_rarely_told_apart(make: type[Make], simulations: int):
    """Nine comparisons: the share of sweeps with any claim is at most 5 %, and two standard errors."""
    generator = np.random.default_rng(0)
    records = blank(make, arms=10)
    claimed = 0
    for _ in range(simulations):
        luck, own = generator.normal(size=(1, 5)), generator.normal(size=(10, 5))
        findings = Counter(arm.finding for arm in judge(with_scores(records, 10 + luck + own)).arms)
        claimed += findings["no_difference_shown"] != 9
    assert claimed / simulations <= 0.05 + 2 * standard_error(0.05, simulations)


def test_a_large_difference_is_found_and_never_with_the_wrong_sign(make: type[Make], simulations: int):
    """Four spreads better, four spreads worse, and none, on five seeds; losses, so less is better."""
    generator = np.random.default_rng(0)
    records = blank(make, arms=4)
    shifts = np.array([[0.0], [-4.0], [4.0], [0.0]])
    found = [Counter() for _ in shifts]
    for _ in range(simulations):
        verdict = judge(with_scores(records, 10 + shifts + generator.normal(size=(4, 5))))
        for counts, arm in zip(found, verdict.arms, strict=True):
            counts[arm.relation] += 1
    _, better, worse, same = found
    # the paired t test's exact power at the level of three comparisons
    critical = stats.t.ppf(1 - 0.05 / 6, 4)
    power = stats.nct.sf(critical, 4, 4 / math.sqrt(2) * math.sqrt(5))
    assert power > 0.85
    assert better["better"] / simulations == near(float(power), simulations)
    assert worse["worse"] / simulations == near(float(power), simulations)
    assert better["worse"] == worse["better"] == 0
    assert (same["better"] + same["worse"]) / simulations <= 0.05 / 3 + 3 * standard_error(0.05 / 3, simulations)


@pytest.mark.parametrize("comparisons", [1, 9])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_difference_said_to_be_seen_is_seen_four_times_in_five(seeds, comparisons, simulations: int):
    """Said from seeds on which arms are alike, seen on others by the interval that decides the verdict."""
    generator = np.random.default_rng((seeds, comparisons))
    level, seen = 1 - 0.05 / comparisons, 0
    for _ in range(simulations):
        alike, apart, baseline = (drawn(generator, seeds, 1) for _ in range(3))
        said = paired_difference(alike, baseline, level)
        assert said is not None
        assert said.detectable is not None
        better = {key: score + said.detectable for key, score in apart.items()}
        found = paired_difference(better, drawn(generator, seeds, 1), level)
        seen += found is not None and found.interval is not None and found.interval.low > 0
    assert seen / simulations == near(0.8, simulations)


def test_the_difference_said_to_be_seen_varies_little_between_sweeps():
    """The same question asked 200 times with 5 seeds: nine answers in ten lie within a factor of 4.

    From the observed difference, a number of seeds would vary by more than a factor of 500.
    """
    generator = np.random.default_rng(0)
    said = [detectable_difference(generator.normal(size=5).tolist()) for _ in range(200)]
    low, high = np.quantile(np.array(said, dtype=float), [0.05, 0.95])
    assert high / low < 4
