"""Levels for several looks: against known tables, other ways to integrate, and simulation."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import analysis
from analysis.data.looks import Looks, read_looks
from analysis.statistics.intervals import bootstrap_interval
from analysis.statistics.sequential import spent, tail_levels
from analysis.verdict.protocol import protocol
from optimizers import InputError

if TYPE_CHECKING:
    from tests.analysis.conftest import Make
    from tests.conftest import Extent

PLANS = [(3, 6, 9, 12), (3, 4, 5, 6, 7, 8), (2, 4, 6, 8, 10), (3, 20), (4, 6, 12, 20)]
DRAWN = 60_000


def t_statistics(differences: NDArray[np.float64], looks: tuple[int, ...]) -> NDArray[np.float64]:
    """Of the first n columns for each look n; of shape (rows, looks)."""
    parts = [differences[:, :n] for n in looks]
    return np.stack([part.mean(1) / part.std(1, ddof=1) * math.sqrt(part.shape[1]) for part in parts], axis=1)


def claimed(statistics: NDArray[np.float64], looks: tuple[int, ...], levels: tuple[float, ...]) -> float:
    bounds = np.array([stats.t.isf(level, n - 1) for n, level in zip(looks, levels, strict=True)])
    return float((statistics > bounds).any(axis=1).mean())


def test_a_single_look_is_no_look_at_all() -> None:
    assert tail_levels(0.025, [5], 5) == pytest.approx((0.025,))


def test_many_pairs_give_the_boundary_of_known_spreads() -> None:
    """By the multivariate normal distribution of the z statistics, integrated by SciPy."""
    looks = (1000, 2000, 3000)
    bounds = stats.norm.isf(tail_levels(0.025, looks, 3000))
    correlations = np.sqrt(np.minimum.outer(looks, looks) / np.maximum.outer(looks, looks))
    for k in range(1, 4):
        covariance: Any = correlations[:k, :k]  # which SciPy's stubs take for a number
        below = stats.multivariate_normal.cdf(bounds[:k], np.zeros(k), covariance)
        assert 1 - below == pytest.approx(spent(0.025, looks[k - 1] / 3000), rel=0.02)


@pytest.mark.parametrize("looks", PLANS, ids=str)
@pytest.mark.parametrize("tail", [0.05, 0.025])
def test_all_looks_together_err_as_often_as_they_may(looks: tuple[int, ...], tail: float) -> None:
    """Few degrees of freedom included: the t statistics of normal differences, each look's part of the error."""
    differences = np.random.default_rng(len(looks)).normal(size=(DRAWN, looks[-1]))
    levels, statistics = tail_levels(tail, looks, looks[-1]), t_statistics(differences, looks)
    for taken in range(1, len(looks) + 1):
        allowed = spent(tail, looks[taken - 1] / looks[-1])
        error = claimed(statistics[:, :taken], looks[:taken], levels[:taken])
        assert error == pytest.approx(allowed, abs=4 * math.sqrt(allowed / DRAWN))


@pytest.mark.parametrize("looks", PLANS, ids=str)
def test_skewed_scores_of_arms_that_are_alike_err_no_more_often(looks: tuple[int, ...]) -> None:
    """Log-normal scores; their difference has long tails, which make a t statistic cautious."""
    generator = np.random.default_rng(0)
    shape = (DRAWN // 3, looks[-1])
    differences = generator.lognormal(size=shape) - generator.lognormal(size=shape)
    assert claimed(t_statistics(differences, looks), looks, tail_levels(0.025, looks, looks[-1])) < 0.025


def test_reading_each_look_at_95_percent_would_err_more_than_twice_as_often() -> None:
    """Why looks have levels of their own."""
    differences = np.random.default_rng(0).normal(size=(DRAWN, 12))
    looks = (3, 6, 9, 12)
    assert 2 * claimed(t_statistics(differences, looks), looks, (0.025,) * 4) > 0.1


def test_the_intervals_of_all_looks_hold_together(extent: Extent) -> None:
    """The intervals that decide verdicts, not Student's."""
    looks, generator = (3, 6, 9), np.random.default_rng(0)
    levels = tail_levels(0.025, looks, 9)
    missed = 0
    for scores in generator.normal(size=(extent.simulations, 9)).tolist():
        found = [bootstrap_interval(scores[:n], 1 - 2 * level) for n, level in zip(looks, levels, strict=True)]
        missed += any(interval is not None and interval.excludes_zero for interval in found)
    assert missed / extent.simulations <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / extent.simulations)


def test_looks_to_come_change_no_level_of_those_that_were() -> None:
    levels = tail_levels(0.025, [3, 6, 9, 12], 12)
    assert tail_levels(0.025, [3, 6], 12) == levels[:2]
    assert tail_levels(0.025, [3, 12, 14], 12)[-1] == 0.0
    assert all(one < other for one, other in itertools.pairwise(levels))
    assert levels[-1] > 0.6 * 0.025


@pytest.mark.parametrize("pairs", [[], [1, 3], [3, 3], [6, 3]])
def test_looks_that_do_not_rise_are_refused(pairs: list[int]) -> None:
    with pytest.raises(InputError, match="rising"):
        tail_levels(0.025, pairs, 12)
    with pytest.raises(InputError, match="side"):
        tail_levels(0.6, [3], 3)


def test_a_verdict_is_judged_at_its_look(make: type[Make]) -> None:
    adam = [0.970, 0.972, 0.968, 0.971, 0.969]
    shifts = [0.0028, 0.0005, 0.0035, 0.0045, 0.0007]
    records = make.confirmed({"adam": adam, "scheduled": [sum(pair) for pair in zip(adam, shifts, strict=True)]})
    assert analysis.judge(records).arms[1].finding == "configuration_better"
    looked = analysis.judge(replace(records, looks=Looks((3, 5, 10), (3, 5))))
    level = tail_levels(0.025, [3, 5], 10)[-1]
    assert looked.comparison_level == pytest.approx(1 - 2 * level)
    assert looked.equivalence_level == pytest.approx(1 - 2 * tail_levels(0.05, [3, 5], 10)[-1])
    assert looked.arms[1].finding == "no_difference_shown"
    assert any(sentence.startswith("This is look 2 of 3 planned ones: ") for sentence in looked.sentences)
    assert any("after 3, 5 and 10 seeds; 2 looks were taken, after 3 and 5." in said for said in protocol(looked))
    assert analysis.to_json([looked])["looks"] == {"planned": (3, 5, 10), "taken": (3, 5)}
    before = analysis.judge(replace(records, looks=Looks((3, 5, 10))))
    assert before.comparison_level == pytest.approx(1 - 2 * tail_levels(0.025, [3], 10)[0])


def test_looks_are_read_from_their_tag() -> None:
    text = json.dumps({"planned": [3, 6, 9], "taken": [3]})
    assert read_looks(text, "r") == Looks((3, 6, 9), (3,))


@pytest.mark.parametrize("planned", [[], [3.5], [6, 3], [1, 3], [3, 6]])
def test_a_tag_that_holds_no_looks_is_refused(planned: list[float]) -> None:
    for text in ("", "[]", json.dumps({"planned": planned, "taken": [9]}), json.dumps({"planned": planned})):
        with pytest.raises(InputError, match="Run r: tag looks is"):
            read_looks(text, "r")
