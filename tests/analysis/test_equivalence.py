"""What a smallest difference that matters adds to a verdict: equivalent, undecided, and what that would take."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

import analysis
from analysis.charts.chart import Rule
from analysis.figures.differences import differences
from analysis.statistics.intervals import bootstrap_interval, standard_error
from analysis.statistics.power import chance_to_be_equivalent, chance_to_differ
from analysis.verdict.answer import order_of_arms
from analysis.verdict.overall import COUNTED, standings
from analysis.verdict.protocol import protocol
from search_spaces import parse_sweep

if TYPE_CHECKING:
    from analysis.data.runs import SweepRecords
    from tests.analysis.conftest import Make
    from tests.conftest import Extent

ADAM = [0.970, 0.972, 0.968, 0.971, 0.969]


def with_smallest(records: SweepRecords, smallest: float) -> SweepRecords:
    content = records.sweep.file.plain()
    content["metric"]["smallest_difference"] = smallest
    return replace(records, sweep=parse_sweep(yaml.safe_dump(content, sort_keys=False)))


def judged(make: type[Make], shifts: list[float], smallest: float, **changes) -> analysis.Verdict:
    scores = {"adam": ADAM, "scheduled": [score + shift for score, shift in zip(ADAM, shifts, strict=True)]}
    return analysis.judge(with_smallest(make.confirmed(scores, **changes), smallest))


def test_points_of_an_accuracy_are_what_people_read(make: type[Make]) -> None:
    """0.2 in the file are 0.2 percentage points, and a perplexity's are its own."""
    shifts = [0.0005, -0.0004, 0.0002, -0.0003, 0.0001]
    verdict = judged(make, shifts, 0.2)
    assert verdict.smallest_difference == pytest.approx(0.002)
    arm = verdict.arms[1]
    assert arm.finding == "configuration_equivalent"
    expected = bootstrap_interval(shifts, 0.9)
    assert arm.equivalence is not None
    assert expected is not None
    assert (arm.equivalence.low, arm.equivalence.high) == pytest.approx((expected.low, expected.high))
    assert verdict.sentences[0] == (
        "The configurations found for scheduled and adam are equivalent: 0.00 points [-0.03, 0.04] lies within "
        "0.2 points either way, at the 90 % level of two one-sided tests."
    )
    assert judged(make, shifts, 0.2, score="test/perplexity").smallest_difference == 0.2


def test_a_difference_that_is_shown_and_too_small_to_matter_is_told_with_both(make: type[Make]) -> None:
    verdict = judged(make, [0.0010, 0.0011, 0.0009, 0.0012, 0.0010], 0.2)
    arm = verdict.arms[1]
    assert (arm.finding, arm.shows_difference) == ("configuration_equivalent", True)
    assert verdict.sentences[0].endswith(
        " A difference is shown too (+0.104 [+0.090, +0.120] at 95 %), and it is smaller than what matters here."
    )
    assert "configuration equivalent, yet a difference" in analysis.render_table([verdict])
    assert order_of_arms(verdict)[-1] == "Found a configuration equivalent to that of adam: scheduled."


def test_the_figure_marks_what_matters(make: type[Make]) -> None:
    drawn = differences(judged(make, [0.0010, 0.0011, 0.0009, 0.0012, 0.0010], 0.2))
    marks = [layer.at for layer in drawn.panels[0].layers if isinstance(layer, Rule) and layer.dash == "dotted"]
    assert marks == pytest.approx([-0.2, 0.2]), "in points, as the axis"
    assert "Dotted: the smallest difference that matters, 0.2 points;" in drawn.caption


def test_a_difference_that_may_matter_is_better_or_worse_as_before(make: type[Make]) -> None:
    shifts = [0.004, 0.005, 0.003, 0.006, 0.004]
    assert judged(make, shifts, 0.2).arms[1].finding == "configuration_better"
    assert judged(make, [-shift for shift in shifts], 0.5).arms[1].finding == "configuration_worse"


def test_undecided_says_what_it_would_take(make: type[Make]) -> None:
    shifts = [0.005, -0.003, 0.002, -0.001, 0.001]
    verdict = judged(make, shifts, 0.2)
    arm = verdict.arms[1]
    assert arm.finding == "undecided"
    error = standard_error(shifts)
    assert error is not None
    assert arm.pairs_needed is not None

    def chance(pairs: int) -> float:
        return min(
            chance_to_differ(pairs, 0.002, error.spread, 0.95, error.freedom),
            chance_to_be_equivalent(pairs, 0.002, error.spread, 0.9, error.freedom),
        )

    assert chance(arm.pairs_needed) >= 0.8 > chance(arm.pairs_needed - 1)
    assert verdict.sentences[0] == (
        "Undecided between the configurations found for scheduled and adam: +0.1 points [-0.3, 0.5], which may be no "
        f"difference and may be one that matters, 0.2 points or more. About {arm.pairs_needed} seeds would decide it "
        "4 times in 5, if the truth is no difference or one of 0.2 points."
    )
    data = analysis.to_json([verdict])
    assert data["score"]["smallest_difference"] == pytest.approx(0.002)
    assert data["equivalence_level"] == pytest.approx(0.9)
    assert data["arms"][1]["pairs_needed"] == arm.pairs_needed
    assert any(
        "The smallest difference that matters was settled before: 0.2 points." in one for one in protocol(verdict)
    )
    hopeless = judged(make, shifts, 1e-4).sentences[0]
    assert "More than 100,000 seeds would be needed to decide that 4 times in 5" in hopeless


def test_several_comparisons_share_the_error_of_equivalence_too(make: type[Make]) -> None:
    scores = {"adam": ADAM, "a": ADAM, "b": ADAM, "c": [score + shift for score, shift in zip(ADAM, ADAM, strict=True)]}
    verdict = analysis.judge(with_smallest(make.confirmed(scores), 0.2))
    assert verdict.comparison_level == pytest.approx(1 - 0.05 / 3)
    assert verdict.equivalence_level == pytest.approx(1 - 0.1 / 3)


def test_workloads_are_counted_by_finding(make: type[Make]) -> None:
    verdicts = [
        judged(make, [0.0005, -0.0004, 0.0002, -0.0003, 0.0001], 0.2),
        judged(make, [0.005, -0.003, 0.002, -0.001, 0.001], 0.2),
    ]
    counted = dict.fromkeys(COUNTED, 0) | {"configuration_equivalent": 1, "undecided": 1}
    assert standings(verdicts)[1].findings == counted
    assert "   configuration equivalent   undecided   " in analysis.render_table(verdicts)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("spread", [0.3, 0.6])
def test_arms_that_differ_by_exactly_the_smallest_difference_are_rarely_called_equivalent(
    make: type[Make], seeds: int, spread: float, extent: Extent
) -> None:
    """At most 5 %, and two standard errors of the simulation; the smallest difference is 1."""
    generator = np.random.default_rng(seeds)
    blank = {arm: [0.0] * seeds for arm in ("adam", "other")}
    records = make.confirmed(blank, score="test/loss", target=None, seeds=tuple(range(1, seeds + 1)))
    records = with_smallest(records, 1.0)
    called = 0
    for shift in np.resize([1.0, -1.0], extent.simulations):
        other = [0.0] * seeds, generator.normal(shift, spread, seeds).tolist()
        runs = zip(records.confirmations, [*other[0], *other[1]], strict=True)
        drawn = tuple(replace(run, metrics={"test/loss": score}) for run, score in runs)
        called += analysis.judge(replace(records, confirmations=drawn)).arms[1].relation == "equivalent"
    assert called / extent.simulations <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / extent.simulations)
