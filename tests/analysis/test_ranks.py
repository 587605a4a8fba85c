"""Ranks and critical differences against SciPy, scikit-posthocs and the figures of Demsar's paper."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats

from analysis.statistics.ranks import critical_difference, ranks
from optimizers import InputError


def test_ranks_are_scipys_and_ties_share():
    scores = pd.DataFrame(np.random.default_rng(0).integers(0, 5, (30, 6)).astype(float), columns=list("abcdef"))
    assert ranks(scores, minimize=True).to_numpy().tolist() == stats.rankdata(scores, axis=1).tolist()
    assert ranks(scores, minimize=False).to_numpy().tolist() == stats.rankdata(-scores, axis=1).tolist()
    goals = [True] * 10 + [False] * 20
    mixed = np.vstack([stats.rankdata(scores[:10], axis=1), stats.rankdata(-scores[10:], axis=1)])
    assert ranks(scores, goals).to_numpy().tolist() == mixed.tolist()


def test_an_arm_without_a_score_has_no_place():
    scores = pd.DataFrame({"adam": [1.0, math.nan], "sgd": [2.0, 2.0], "lion": [0.5, 2.0]}, index=["mnist", "digits"])
    mnist, digits = ranks(scores, minimize=True).to_numpy().tolist()
    assert mnist == [2, 3, 1]
    assert math.isnan(digits[0])
    assert digits[1:] == [1.5, 1.5]


def test_the_example_of_demsars_paper():
    mean_ranks = {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    found = critical_difference(mean_ranks, 14)
    assert list(found.mean_ranks) == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert stats.chi2.isf(found.p_value, 3) == pytest.approx(9.28, abs=0.01)
    assert found.difference == pytest.approx(1.25, abs=0.005)
    assert found.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),), (
        "Nemenyi's test is not powerful enough at 95 %"
    )
    at_ninety = critical_difference(mean_ranks, 14, 0.9)
    assert at_ninety.difference == pytest.approx(1.12, abs=0.005)
    assert at_ninety.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))


@pytest.mark.parametrize(("arms", "quantile"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_quantiles_of_demsars_table(arms, quantile):
    even = {f"arm {number}": (arms + 1) / 2 for number in range(arms)}
    found = critical_difference(even, 20)
    assert found.difference / math.sqrt(arms * (arms + 1) / 120) == pytest.approx(quantile, abs=1e-3)
    assert found.groups == (tuple(even),), "arms that are alike form one group"
    assert found.p_value == 1


def test_decisions_are_those_of_scikit_posthocs_after_friedmans_test():
    generator = np.random.default_rng(0)
    rejected = 0
    for _ in range(60):
        workloads, arms = int(generator.integers(8, 20)), int(generator.integers(3, 9))
        pull = generator.uniform(0, 1.5) * np.arange(arms)
        scores = pd.DataFrame(generator.normal(size=(workloads, arms)) + pull).rename(columns=lambda arm: f"arm {arm}")
        found = critical_difference(ranks(scores, minimize=True).mean(), workloads)
        friedman = stats.friedmanchisquare(*(scores[arm] for arm in scores))
        assert found.p_value == pytest.approx(friedman.pvalue)
        pairs = scikit_posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
        rejected += friedman.pvalue <= 0.05
        for one, other in combinations(range(arms), 2):
            differ = friedman.pvalue <= 0.05 and pairs[one, other] <= 0.05
            assert differ != any({f"arm {one}", f"arm {other}"} <= set(group) for group in found.groups)
    assert 10 < rejected < 55


def test_groups_are_as_large_as_can_be():
    mean_ranks = {"a": 1.2, "b": 2.2, "c": 3.0, "d": 3.7, "e": 4.9}
    found = critical_difference(mean_ranks, 15)
    assert found.difference == pytest.approx(1.575, abs=0.001)
    assert found.groups == (("a", "b"), ("b", "c", "d"), ("d", "e"))


@pytest.mark.parametrize("arms", [3, 10])
def test_under_no_difference_few_tables_show_one(arms):
    generator = np.random.default_rng(arms)
    one_group = 0
    for _ in range(400):
        scores = pd.DataFrame(generator.normal(size=(8, arms))).rename(columns=str)
        found = critical_difference(ranks(scores, minimize=True).mean(), 8)
        one_group += found.groups == (tuple(found.mean_ranks),)
    assert one_group / 400 >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(
    ("mean_ranks", "workloads", "level", "message"),
    [
        ({"a": 1.0, "b": 2.0}, 7, 0.95, "at least 8 workloads, not 7"),
        ({"a": 1.0}, 8, 0.95, "at least two arms"),
        ({"a": 1.0, "b": 2.0}, 8, 95, "not be 95"),
        ({"a": 1.0, "b": math.nan}, 8, 0.95, "b has no mean rank"),
    ],
)
def test_impossible_input_is_refused(mean_ranks, workloads, level, message):
    with pytest.raises(InputError, match=message):
        critical_difference(mean_ranks, workloads, level)
