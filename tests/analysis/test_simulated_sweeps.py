"""Sweeps on recorded scores, by which the error rates of verdicts are told: they are those of real sweeps."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.recorded_scores import CONFIRM_SEEDS, QUESTIONS, SEARCH_SEEDS, RecordedScores, configuration_at, train
from benchmarks.simulated_sweeps import Protocol, drawn_seeds, judged_sweep, search, verdict
from benchmarks.verdict_rates import false_claims, searches
from benchmarks.verdict_rounds import SMALLEST, in_rounds
from trainables.mlflow_contract import Role

DIGITS = QUESTIONS["digits-lr"]
SCHEDULES = QUESTIONS["digits-betas"]


@pytest.fixture(scope="module")
def digits() -> RecordedScores:
    return RecordedScores(DIGITS)


@pytest.mark.parametrize("question", [DIGITS, SCHEDULES], ids=lambda question: question.name)
def test_a_recorded_score_is_what_the_configuration_reaches(question) -> None:
    table = RecordedScores(question)
    best = int(table.curves[:, :, -1].mean(axis=1).argmin())
    configuration = configuration_at(question, best)
    curve = train(question.name, configuration, Role.TRIAL, SEARCH_SEEDS[1])
    score = train(question.name, configuration, Role.CONFIRM, CONFIRM_SEEDS[3])
    # Other processors round otherwise, after which training goes other ways; a pass of 270 test images is 0.4 points.
    assert curve == pytest.approx(table.curves[best, 1].tolist(), rel=0.1)
    assert score == pytest.approx([table.scores[best, 3]], abs=0.01)


def test_a_search_confirms_a_configuration_among_the_better_ones(digits: RecordedScores) -> None:
    last = digits.curves[:, :, -1].mean(axis=1)
    found = [search(DIGITS, digits, 8, seed) for seed in range(10)]
    assert np.median(last[found]) < np.quantile(last, 0.25)
    assert found == [search(DIGITS, digits, 8, seed) for seed in range(10)]


def test_a_gain_and_a_row_are_what_the_verdict_tells(digits: RecordedScores) -> None:
    protocol = Protocol(3, 8, 2)
    seeds = drawn_seeds(protocol, np.random.default_rng(0))
    assert len({*seeds.ravel()}) == 6
    judged = verdict(
        judged_sweep(DIGITS, protocol, ("same", "gaining")),
        digits,
        dict.fromkeys(("same", "gaining"), (5, 9, 2)),
        seeds,
        0.7,
    )
    arm = judged.arms[1]
    assert arm.difference is not None
    assert arm.difference.mean == pytest.approx(0.007, rel=1e-4)  # scores are recorded in single precision
    assert arm.mean == pytest.approx(
        0.007 + np.mean([digits.scores[row, own].mean() for row, own in zip((5, 9, 2), seeds, strict=True)])
    )


def test_equal_arms_are_told_apart_no_more_often_than_promised(digits: RecordedScores) -> None:
    """The whole table is made by ``python -m benchmarks verdict_rates``."""
    found = searches(DIGITS.name, 8, None, count=60)
    assert false_claims(DIGITS.name, Protocol(3, 8, 2), 2, found, sweeps=200) <= 0.05 * 200 + 2.5 * 3.1


def test_rounds_claim_no_equivalence_of_what_just_matters() -> None:
    ended = in_rounds(SMALLEST, sweeps=40, searches=60)
    assert sum(one.relation == "equivalent" for one in ended) <= 0.05 * 40 + 2.5 * 1.4
    assert any(one.studies < 12 for one in ended)
