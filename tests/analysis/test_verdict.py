"""What is said, and what is not, about arms with known scores."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml

from analysis.statistics.intervals import detectable_difference, paired_difference
from analysis.verdict.judgement import judge
from search_spaces import parse_sweep

if TYPE_CHECKING:
    from analysis.data.runs import SweepRecords
    from tests.analysis.conftest import Make

SEEDS_ALONE = (
    "Intervals hold the noise of seeds, not that of the search: a second search may find other configurations."
)
FOR_ARMS = "A verdict on the arms themselves takes several searches of each: at least 3 studies (search: {studies: 3})."
ADAM = [0.970, 0.972, 0.968, 0.971, 0.969]


def shifted(scores: list[float], shifts: list[float]) -> list[float]:
    return [score + shift for score, shift in zip(scores, shifts, strict=True)]


def test_a_better_arm(make: type[Make]):
    verdict = judge(make.confirmed({"adam": ADAM, "scheduled": shifted(ADAM, [0.004, 0.005, 0.003, 0.006, 0.004])}))
    adam, scheduled = verdict.arms
    assert (adam.finding, scheduled.finding) == ("baseline", "configuration_better")
    assert scheduled.difference is not None
    assert scheduled.difference.mean == pytest.approx(0.0044)
    assert adam.mean == pytest.approx(0.97)
    assert scheduled.p_better == pytest.approx(23.5 / 25)
    assert adam.difference is None
    assert adam.effect_size is None
    assert adam.p_better is None
    assert verdict.sentences == (
        "The configuration found for scheduled is better than the one for adam: "
        "+0.44 points [0.30, 0.60], 2.0 times the spread between seeds.",
        SEEDS_ALONE,
        FOR_ARMS,
    )


def test_a_worse_arm(make: type[Make]):
    verdict = judge(
        make.confirmed({"adam": ADAM, "scheduled": shifted(ADAM, [-0.004, -0.005, -0.003, -0.006, -0.004])})
    )
    assert verdict.arms[1].finding == "configuration_worse"
    assert verdict.sentences == (
        "The configuration found for scheduled is worse than the one for adam: "
        "-0.44 points [-0.60, -0.30], 3.4 times the spread between seeds.",
        SEEDS_ALONE,
        FOR_ARMS,
    )


@pytest.mark.parametrize(("shift", "finding"), [(-3.0, "better"), (3.0, "worse")])
def test_less_is_better_when_the_score_is_minimised(make: type[Make], shift, finding):
    adam = [84.3, 85.1, 84.0, 84.8]
    other = shifted(adam, [shift, shift + 0.4, shift - 0.3, shift + 0.1])
    verdict = judge(make.confirmed({"adam": adam, "scheduled": other}, score="test/perplexity"))
    assert verdict.arms[1].finding == f"configuration_{finding}"
    assert verdict.arms[1].p_better == (1.0 if shift < 0 else 0.0)
    sign = "-" if shift < 0 else "+"
    claim = f"The configuration found for scheduled is {finding} than the one for adam: {sign}"
    assert verdict.sentences[0].startswith(claim)
    assert " in test/perplexity [" in verdict.sentences[0]


@pytest.mark.parametrize("shift", [0.0, 0.0005, 0.001])
def test_no_difference_shown_says_which_one_would_be_seen(make: type[Make], shift):
    """Whatever the observed difference is, as the interval holds 0."""
    shifts = [0.004 + shift, -0.003 + shift, 0.002 + shift, -0.002 + shift, -0.001 + shift]
    verdict = judge(make.confirmed({"adam": ADAM, "scheduled": shifted(ADAM, shifts)}))
    assert verdict.arms[1].finding == "no_difference_shown"
    detectable = detectable_difference(shifts)
    assert detectable is not None
    assert verdict.sentences == (
        "No difference shown between the configurations found for scheduled and adam. "
        f"With 5 seeds a difference of about {100 * detectable:.2g} points would be seen 4 times in 5.",
        SEEDS_ALONE,
        FOR_ARMS,
    )


@pytest.mark.parametrize(
    ("score", "unit"),
    [
        ("test/perplexity", "in test/perplexity"),
        ("test/frechet_distance", "in test/frechet_distance"),
        ("summary/steps_to_target", "steps"),
    ],
)
def test_the_difference_that_would_be_seen_has_the_scores_unit(make: type[Make], score, unit):
    adam, other = [84.0, 85.0, 86.0, 85.0], [85.0, 85.0, 84.0, 86.0]
    verdict = judge(make.confirmed({"adam": adam, "scheduled": other}, score=score, seeds=(1, 2, 3, 4)))
    detectable = detectable_difference([1.0, 0.0, -2.0, 1.0])
    assert detectable is not None
    assert f" With 4 seeds a difference of about {detectable:.2g} {unit} would be seen" in verdict.sentences[0]


def test_several_comparisons_see_less(make: type[Make]):
    other = shifted(ADAM, [0.004, -0.003, 0.002, -0.002, 0.0015])
    alone = judge(make.confirmed({"adam": ADAM, "scheduled": other})).arms[1].difference
    among = (
        judge(make.confirmed({"adam": ADAM, "scheduled": other, "memory": ADAM, "moments": ADAM})).arms[1].difference
    )
    assert alone is not None
    assert among is not None
    assert alone.detectable == detectable_difference(alone.differences)
    assert among.detectable == detectable_difference(among.differences, 1 - 0.05 / 3)


def test_several_configurations_are_compared_as_several(make: type[Make]):
    records = make.confirmed({"adam": ADAM, "scheduled": shifted(ADAM, [0.004, 0.005, 0.003, 0.006, 0.004])}, top_k=2)
    said = judge(records).sentences[0]
    assert said.startswith("The configurations found for scheduled are better than those for adam: +0.44 points")


def test_nothing_that_was_searched_has_no_noise_of_a_search(make: type[Make]):
    records = make.confirmed({"adam": ADAM, "scheduled": shifted(ADAM, [0.004, 0.005, 0.003, 0.006, 0.004])})
    content = records.sweep.file.plain()
    for arm in content["arms"].values():
        arm["parameters"] = {"lr": {"value": 0.001}}
    verdict = judge(replace(records, sweep=parse_sweep(yaml.safe_dump(content, sort_keys=False))))
    assert verdict.arms[1].finding == "better"
    assert verdict.sentences[0].startswith("scheduled is better than adam: ")
    assert verdict.sentences[1:] == ("Intervals hold the noise of seeds; nothing was searched.",)


def test_equal_scores_on_every_seed(make: type[Make]):
    verdict = judge(make.confirmed({"adam": ADAM, "scheduled": ADAM}))
    assert verdict.arms[1].finding == "no_difference_shown"
    assert verdict.sentences == (
        "No difference shown between the configurations found for scheduled and adam: "
        "they score the same on each of 5 seeds.",
        SEEDS_ALONE,
    )


def test_a_constant_difference_is_not_taken_for_a_certain_one(make: type[Make]):
    verdict = judge(make.confirmed({"adam": ADAM, "scheduled": shifted(ADAM, [0.003] * 5)}))
    assert verdict.arms[1].finding == "no_interval"
    assert "it is +0.3 points on each of 5 seeds, without any spread" in verdict.sentences[0]


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds(make: type[Make], seeds):
    scores = {"adam": ADAM[:seeds], "scheduled": [0.9801, 0.9832][:seeds]}
    verdict = judge(make.confirmed(scores, seeds=tuple(range(1, seeds + 1))))
    assert verdict.arms[1].finding == "too_few_seeds"
    assert (verdict.arms[1].interval is None) == (seeds == 1)
    effect = "+1" if seeds == 1 else "+1.1"
    assert verdict.sentences == (
        f"Too few seeds to tell ({seeds}); so far scheduled scores {effect} points against adam.",
        *([SEEDS_ALONE, FOR_ARMS] if seeds > 1 else []),
    )


def test_several_arms_share_the_error_rate(make: type[Make]):
    shifts = [0.0028, 0.0005, 0.0035, 0.0045, 0.0007]
    other = shifted(ADAM, shifts)
    alone = judge(make.confirmed({"adam": ADAM, "scheduled": other}))
    among = judge(make.confirmed({"adam": ADAM, "scheduled": other, "memory": ADAM, "moments": ADAM}))
    assert alone.comparison_level == 0.95
    assert among.comparison_level == pytest.approx(1 - 0.05 / 3)
    assert (alone.arms[1].finding, among.arms[1].finding) == ("configuration_better", "no_difference_shown")
    both = paired_difference(among.arms[1].scores, among.arms[0].scores, 1 - 0.05 / 3)
    assert among.arms[1].difference == both
    assert among.sentences[3:5] == (SEEDS_ALONE, FOR_ARMS)
    assert among.sentences[5] == (
        "With 3 comparisons, the interval of each difference is at the 98.3 % level, "
        "so that all hold together at 95 % (Bonferroni)."
    )
    assert not any("Bonferroni" in sentence for sentence in alone.sentences)


def test_everything_that_happens(eventful: SweepRecords):
    verdict = judge(eventful)
    adam, scheduled, memory, lost = verdict.arms
    assert adam.trials == {
        "finished": 2,
        "pruned": 1,
        "diverged": 0,
        "failed": 0,
        "interrupted": 0,
        "running": 0,
    }
    assert lost.trials["diverged"] == 2
    assert dict(scheduled.confirmations) == dict(adam.confirmations) | {"finished": 4, "diverged": 1}
    assert adam.best is not None
    assert (adam.best.trial_id, adam.best.value) == ("adam/1", 0.071)
    assert adam.best.params == {"optimizer.lr": 0.002, "optimizer.amsgrad": False}
    assert scheduled.best is not None
    assert scheduled.best.trial_id == "scheduled/0"  # the pruned trial's lower loss is that of fewer epochs
    assert lost.best is None
    assert scheduled.difference is not None
    assert scheduled.difference.seeds == (1, 2, 4, 5)
    assert scheduled.difference.mean == pytest.approx(0.00525)
    assert scheduled.mean == pytest.approx(0.97575)
    assert adam.steps_to_target == 403
    assert scheduled.steps_to_target == math.inf  # 380, 380, and three misses
    assert memory.steps_to_target is None
    assert [arm.finding for arm in verdict.arms] == ["baseline", "configuration_better", "not_compared", "not_compared"]
    assert verdict.sentences == (
        "The configuration found for scheduled is better than the one for adam: "
        "+0.5 points [0.2, 0.8], 3.8 times the spread between seeds.",
        SEEDS_ALONE,
        FOR_ARMS,
        "With 3 comparisons, the interval of each difference is at the 98.3 % level, "
        "so that all hold together at 95 % (Bonferroni).",
        "memory was not confirmed: it has 1 finished trial and no confirmation run, so it is not compared.",
        "lost has no finished trial (2 diverged, 1 failed), so it is not compared.",
        "scheduled has no score for seed 3 (diverged): its mean and its pairs leave that out.",
        "memory has 2 of 3 trials, so the arms did not get the same budget.",
        "lost has 2 of 3 trials, so the arms did not get the same budget.",
        "memory has 1 failed run.",
        "lost has 1 failed run.",
        "memory has unfinished runs (1 running), so this verdict is preliminary.",
    )


def test_only_seeds_that_both_completed_are_paired(make: type[Make]):
    records = make.confirmed({"adam": ADAM, "scheduled": [0.98, math.nan, 0.97, 0.99, 0.985]})
    runs = tuple(run for run in records.confirmations if (run.arm, run.seed) != ("adam", 5))
    failed = tuple(
        replace(run, status_reason="failed", detail="ValueError: no") if (run.arm, run.seed) == ("adam", 1) else run
        for run in runs
    )
    verdict = judge(replace(records, confirmations=failed))
    assert verdict.arms[1].difference is not None
    assert verdict.arms[1].difference.seeds == (3, 4)
    assert verdict.sentences == (
        "Too few seeds to tell (2); so far scheduled scores +1.1 points against adam.",
        SEEDS_ALONE,
        FOR_ARMS,
        "adam has no score for seed 1 (failed) and seed 5 (not run): its mean and its pairs leave that out.",
        "scheduled has no score for seed 2 (no test/accuracy): its mean and its pairs leave that out.",
        "adam has 1 failed run, adam/confirm/1 with: ValueError: no.",
    )


def test_no_seed_in_common(make: type[Make]):
    records = make.confirmed({"adam": ADAM[:2], "scheduled": ADAM})
    kept = tuple(run for run in records.confirmations if run.arm == "adam" or run.seed > 2)
    verdict = judge(replace(records, confirmations=kept))
    assert verdict.arms[1].finding == "not_compared"
    assert verdict.sentences[0] == (
        "scheduled and adam have no seed in common that both completed, so they cannot be compared."
    )


def test_a_baseline_without_scores(make: type[Make]):
    records = make.confirmed({"adam": ADAM, "scheduled": ADAM})
    diverged = tuple(
        replace(run, status_reason="diverged") if run.arm == "adam" else run for run in records.confirmations
    )
    verdict = judge(replace(records, confirmations=diverged))
    assert verdict.arms[1].finding == "not_compared"
    assert verdict.arms[1].p_better is None
    assert verdict.sentences == (
        SEEDS_ALONE,
        "adam has no confirmed score (confirmation runs: 5 diverged), so no arm can be compared with the baseline.",
    )


def test_a_single_arm_and_an_empty_sweep(make: type[Make]):
    alone = judge(make.confirmed({"adam": ADAM}))
    assert alone.sentences == (SEEDS_ALONE, "adam is the only arm, so there is nothing to compare.")
    empty = judge(make.sweep([], []))
    assert empty.sentences == (
        "adam has no runs, so no arm can be compared with the baseline.",
        "scheduled has no runs, so it is not compared.",
    )


def test_unequal_budgets_are_told(make: type[Make]):
    records = make.confirmed({"adam": ADAM, "scheduled": ADAM})
    verdict = judge(replace(records, trials=records.trials[:-1]))
    assert verdict.sentences[-1] == "scheduled has 1 of 2 trials, so the arms did not get the same budget."


def test_a_failed_trial_that_was_replaced_leaves_the_budgets_equal(make: type[Make]):
    records = make.confirmed({"adam": ADAM, "scheduled": ADAM})
    lost = replace(records.trials[-1], trial_id="scheduled/99", status_reason="failed")
    verdict = judge(replace(records, trials=(*records.trials, lost)))
    assert not [sentence for sentence in verdict.sentences if "same budget" in sentence]


def test_configurations_are_ranked_by_validation_and_paired_by_rank(make: type[Make]):
    """adam's best is trial 1, scheduled's best is trial 0; the second configurations score 10 points less."""
    trials = [make.trial("adam", 0, 0.2), make.trial("adam", 1, 0.1)]
    trials += [make.trial("scheduled", 0, 0.1), make.trial("scheduled", 1, 0.2)]
    confirmations = []
    for seed, base, shift in ((1, 0.90, 0.010), (2, 0.91, 0.012), (3, 0.92, 0.011)):
        confirmations += [
            make.confirmation("adam", seed, base, of=1),
            make.confirmation("adam", seed, base - 0.1, of=0),
        ]
        confirmations += [make.confirmation("scheduled", seed, base + shift, of=0)]
        confirmations += [make.confirmation("scheduled", seed, base - 0.1 + shift, of=1)]
    del confirmations[-1]
    verdict = judge(make.sweep(trials, confirmations, seeds=(1, 2, 3), top_k=2))
    adam, scheduled = verdict.arms
    assert [configuration.trial_id for configuration in adam.confirmed] == ["adam/1", "adam/0"]
    assert adam.scores[1, 1] == 0.90
    assert scheduled.difference is not None
    assert scheduled.difference.mean == pytest.approx((0.010 + 0.012 + 0.011 + 0.010 + 0.012) / 5)
    assert scheduled.finding == "configuration_better"
    assert adam.interval is not None
    assert adam.interval.high - adam.interval.low < 0.06  # the 10 points between configurations are not spread
    assert "scheduled has no score for seed 3 of scheduled/1 (not run)" in verdict.sentences[3]


def test_a_configuration_whose_trial_is_gone_still_counts(make: type[Make]):
    records = make.confirmed({"adam": ADAM, "scheduled": shifted(ADAM, [0.004, 0.005, 0.003, 0.006, 0.004])})
    verdict = judge(replace(records, trials=tuple(run for run in records.trials if run.arm == "adam")))
    assert verdict.arms[1].finding == "configuration_better"
    assert verdict.arms[1].best is None
    assert verdict.arms[1].confirmed[0].value is None


def test_an_accuracy_interval_stays_within_what_is_possible(make: type[Make]):
    verdict = judge(make.confirmed({"adam": [0.999, 1.0, 0.98], "scheduled": [0.001, 0.0, 0.02]}, seeds=(1, 2, 3)))
    high, low = verdict.arms[0].interval, verdict.arms[1].interval
    assert high is not None
    assert low is not None
    assert high.high == 1.0
    assert low.low == 0.0


def test_what_was_confirmed_before_more_trials_found_better_no_longer_counts(make: type[Make]) -> None:
    trials = [make.trial(arm, number, value) for arm in ("adam", "scheduled") for number, value in ((0, 0.2), (1, 0.1))]
    runs = [make.confirmation("adam", seed, 0.9, of=0) for seed in (1, 2, 3)]
    runs += [make.confirmation("adam", seed, 0.97, of=1, steps=100) for seed in (1, 2, 3)]
    runs += [make.confirmation("scheduled", seed, 0.97, of=1, steps=90) for seed in (1, 2, 3)]
    adam, _ = judge(make.sweep(trials, runs, seeds=(1, 2, 3))).arms
    assert [one.trial_id for one in adam.confirmed] == ["adam/1"]
    assert adam.mean == pytest.approx(0.97)
    assert adam.steps_to_target == 100
    assert adam.confirmations["finished"] == 3
