"""Sweeps with more than one workload, study or metric: what is compared, and what is said."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from statistics import median

import numpy as np
import optuna
import pytest
import yaml

import analysis
from analysis.data._curves import no_curves
from analysis.data.runs import RunRecord, SweepRecords
from analysis.data.tables import tables_of
from analysis.report.judged_sweep import JudgedSweep
from analysis.statistics.intervals import bootstrap_interval, detectable_difference
from analysis.statistics.pareto_front import pareto_front
from analysis.statistics.variance_components import designs
from analysis.verdict.overall import COUNTED, standings
from analysis.verdict.pilot import designs_for, noise_of
from analysis.verdict.protocol import protocol
from optimizers import InputError
from search_spaces import Sweep, parse_sweep

SEEDS = (1, 2, 3)


def several(make, studies: int = 1, workloads: int = 1, tradeoffs: list[dict] | None = None, **changes) -> SweepRecords:
    """The records of ``make.confirmed`` as if the sweep had asked for more."""
    records = make.confirmed(seeds=SEEDS, **changes)
    content = records.sweep.file.plain()
    content["search"]["studies"] = studies
    if tradeoffs:
        content["tradeoffs"] = tradeoffs
    sweep = parse_sweep(yaml.safe_dump(content, sort_keys=False))
    return replace(records, sweep=sweep, workloads=workloads)


def of_study(run: RunRecord, study: int, **changes) -> RunRecord:
    prefix = f"study-{study}/"
    again = prefix + run.confirm_of if run.confirm_of else None
    seed = seed_in(study, run.seed) if again else run.seed
    return replace(run, trial_id=prefix + run.trial_id, confirm_of=again, study=study, seed=seed, **changes)


def seed_in(study: int, seed: int) -> int:
    """What stands for a seed of SEEDS in that study, whose confirmations have their own."""
    return seed + (study - 1) * (max(SEEDS) + 1)


def replicated(make, found: dict[str, list[float]]) -> SweepRecords:
    """An arm's study k found a configuration that scores ``found[arm][k]``, a little more or less by the seed."""
    trials, confirmations = [], []
    for index in range(3):
        part = make.confirmed({arm: [values[index] + 0.001 * seed for seed in SEEDS] for arm, values in found.items()})
        trials += [of_study(run, index + 1) for run in part.trials]
        confirmations += [of_study(run, index + 1) for run in part.confirmations]
    whole = several(make, studies=3, scores={arm: [0.5] * 3 for arm in found})
    return replace(whole, trials=tuple(trials), confirmations=tuple(confirmations))


def test_an_arm_of_several_studies_has_the_median_of_their_best_and_a_score_inside_its_interval(make) -> None:
    records = replicated(make, {"adam": [0.90, 0.91, 0.97], "scheduled": [0.95, 0.95, 0.87]})
    luckier = {"study-2/adam/0": 0.02, "study-3/adam/0": 0.07}
    trials = [
        replace(run, metrics={**run.metrics, "summary/final_val_loss": luckier.get(run.trial_id, 0.1)})
        for run in records.trials
    ]
    adam, scheduled = analysis.judge(replace(records, trials=tuple(trials))).arms
    assert adam.best_value == median([0.1, 0.02, 0.07])
    for arm in (adam, scheduled):
        assert arm.mean is not None
        assert arm.interval is not None
        assert arm.interval.low <= arm.mean <= arm.interval.high
    assert scheduled.difference is not None
    assert scheduled.difference.mean == pytest.approx((scheduled.mean or 0) - (adam.mean or 0))
    assert [tried.trial_id for tried in adam.confirmed] == [f"study-{study}/adam/0" for study in (1, 2, 3)]
    assert len(adam.scores) == 9


def test_the_interval_is_over_studies_not_over_seeds(make) -> None:
    """Seeds agree to 0.001 and studies do not: over seeds the difference would look certain."""
    differences = [0.03, -0.02, 0.01]
    found = {"adam": [0.9] * 3, "scheduled": [0.9 + difference for difference in differences]}
    verdict = analysis.judge(replicated(make, found))
    shown = verdict.arms[1].difference
    assert shown is not None
    assert shown.interval is not None
    assert list(shown.differences.values()) == pytest.approx(differences)
    expected = bootstrap_interval(differences)
    assert expected is not None
    assert (shown.interval.low, shown.interval.high) == pytest.approx((expected.low, expected.high))
    means = [0.9 + difference + 0.002 for difference in differences]  # of each study, over its seeds
    pooled = np.sqrt(np.var(means, ddof=1) / 2)  # the baseline's studies found the same
    assert verdict.arms[1].effect_size == pytest.approx(np.mean(differences) / pooled)
    assert verdict.arms[1].finding == "no_difference_shown"
    detectable = detectable_difference(differences)
    assert detectable is not None
    assert verdict.sentences == (
        "No difference shown between scheduled and adam. "
        f"With 3 studies a difference of about {100 * detectable:.0f} points would be seen 4 times in 5.",
        "Intervals are over studies: they hold the noise of seeds and that of the search.",
        "Each arm was searched in 3 studies: the best val/loss is the median of theirs, and scores are means over "
        "studies.",
    )
    assert verdict.interval_covers == ("seeds", "search")
    assert analysis.to_json([verdict])["interval_covers"] == ["seeds", "search"]
    protocol_says = " ".join(protocol(verdict))
    assert "differences are paired by study" in protocol_says


def test_studies_tell_arms_apart_not_configurations(make) -> None:
    verdict = analysis.judge(replicated(make, {"adam": [0.9, 0.9, 0.9], "scheduled": [0.95, 0.951, 0.949]}))
    assert (verdict.subject, verdict.arms[1].finding) == ("arms", "better")
    assert verdict.sentences[0].startswith("scheduled is better than adam: +5.0 points [")
    assert not any("verdict on the arms themselves" in sentence for sentence in verdict.sentences)


def test_two_studies_are_too_few_to_tell(make) -> None:
    records = replicated(make, {"adam": [0.9, 0.9, 0.9], "scheduled": [0.95, 0.95, 0.95]})
    without = [run for run in records.confirmations if not (run.arm == "scheduled" and run.study == 3)]
    verdict = analysis.judge(replace(records, confirmations=tuple(without)))
    assert verdict.arms[1].finding == "too_few_seeds"
    assert "Too few studies to tell (2)" in verdict.sentences[0]


def test_a_seed_that_one_arm_lacks_is_left_out_of_that_study_for_both(make) -> None:
    records = replicated(make, {"adam": [0.9] * 3, "scheduled": [0.91] * 3})
    gone = [run for run in records.confirmations if (run.arm, run.study, run.seed) != ("adam", 2, seed_in(2, 3))]
    verdict = analysis.judge(replace(records, confirmations=tuple(gone)))
    shown = verdict.arms[1].difference
    assert shown is not None
    assert list(shown.differences.values()) == pytest.approx([0.01] * 3)
    assert verdict.arms[0].unscored == {(2, seed_in(2, 3)): "not run"}


def test_all_comparisons_on_all_workloads_hold_together(make) -> None:
    scores = {"adam": [0.90, 0.91, 0.92], "scheduled": [0.91, 0.93, 0.92]}
    verdict = analysis.judge(several(make, workloads=4, scores=scores))
    assert verdict.comparison_level == pytest.approx(1 - 0.05 / 4)
    assert any("With 4 comparisons" in sentence for sentence in verdict.sentences)


def test_ranks_over_workloads(make) -> None:
    tables = [
        {"adam": [0.90, 0.90, 0.90], "a": [0.95, 0.96, 0.95], "b": [0.90, 0.90, 0.90]},
        {"adam": [0.90, 0.91, 0.90], "a": [0.80, 0.81, 0.80], "b": [0.70, 0.71, 0.70]},
    ]
    parts = [
        replace(several(make, workloads=2, scores=table), workload=name)
        for name, table in zip(("digits", "mnist"), tables, strict=True)
    ]
    verdicts = [analysis.judge(part) for part in parts]
    adam, a, b = standings(verdicts)
    assert (adam.mean_rank, a.mean_rank, b.mean_rank) == ((2.5 + 1) / 2, (1 + 2) / 2, (2.5 + 3) / 2)
    assert b.findings == dict.fromkeys(COUNTED, 0) | {"no_difference_shown": 1}, "a constant difference has no interval"
    assert a.findings == dict.fromkeys(COUNTED, 0) | {"configuration_better": 1}
    text = analysis.render_table(verdicts)
    assert "digits:" in text
    assert "Over 2 workloads:" in text
    data = json.loads(json.dumps(analysis.to_json(verdicts), allow_nan=False))
    assert list(data["workloads"]) == ["digits", "mnist"]
    counted = dict.fromkeys(COUNTED, 0) | {"configuration_better": 1}
    assert data["standings"][1] == {"arm": "a", "mean_rank": 1.5, **counted}
    header = text.partition("Over 2 workloads:")[2].splitlines()[1]
    assert re.split(r" {2,}", header) == [
        "arm", "mean rank", "configuration better", "no difference shown", "configuration worse",
    ]  # fmt: skip


def test_the_front_equals_optunas() -> None:
    generator = np.random.default_rng(0)
    values = generator.integers(0, 12, (80, 3)).astype(float)
    study = optuna.create_study(directions=["minimize", "maximize", "minimize"])
    for row in values:
        study.add_trial(optuna.trial.create_trial(values=list(row)))
    assert pareto_front(values, [True, False, True]) == sorted(trial.number for trial in study.best_trials)
    assert pareto_front([], [True, False]) == []


def test_the_report_lists_the_front_of_each_arm(make, tmp_path) -> None:
    records = several(
        make,
        tradeoffs=[{"name": "summary/train_seconds"}, {"name": "summary/steps_to_target"}],
        scores={"adam": [0.9, 0.91, 0.92], "scheduled": [0.9, 0.91, 0.92]},
    )
    points = [(0.10, 9.0, 50.0), (0.11, 5.0, 60.0), (0.12, 6.0, 70.0), (0.2, 1.0, None)]

    def trial(number: int) -> RunRecord:
        loss, seconds, steps = points[number]
        made = make.trial("adam", number, loss)
        reached = {} if steps is None else {"summary/steps_to_target": steps}
        return replace(made, metrics={**made.metrics, "summary/train_seconds": seconds, **reached})

    trials = [*(trial(number) for number in range(4)), *(run for run in records.trials if run.arm == "scheduled")]
    verdict = analysis.judge(replace(records, trials=tuple(trials)))
    assert [tried.trial_id for tried in verdict.arms[0].front] == ["adam/0", "adam/1", "adam/3"]
    table = analysis.render_table([verdict])
    assert "Pareto front:" in table
    more = [*records.confirmations, *(make.confirmation("adam", seed, 0.5, of=2) for seed in SEEDS)]
    judged = analysis.judge(replace(records, trials=tuple(trials), confirmations=tuple(more)))
    assert [tried.trial_id for tried in judged.arms[0].confirmed] == ["adam/0"], "adam/2 is beaten in everything"
    row = next(line for line in table.splitlines() if "adam/3" in line and "never" in line)
    assert row.split() == ["adam", "adam/3", "0.2", "1", "never"]
    tables = tables_of((replace(records, trials=tuple(trials)),), no_curves(), "")
    analysis.write_report(tables, [verdict], tmp_path)
    assert "## Pareto front" in (tmp_path / "report.md").read_text()


def test_the_time_taken_is_told_against_the_plan(make) -> None:
    records = make.confirmed({"adam": [0.9, 0.9, 0.9]})
    assert "Wall time" not in analysis.render_table([analysis.judge(records)])
    timed = replace(records, seconds=90.0, planned_seconds=75.0)
    assert analysis.render_table([analysis.judge(timed)]).endswith("Wall time: 90 s, 75 s planned (+20%).")


def test_a_pilot_tells_the_noise_of_studies_from_that_of_seeds(make) -> None:
    """Seeds move both arms alike, so that all that the differences vary by is between studies."""
    noise = noise_of(replicated(make, {"adam": [0.9] * 3, "a": [0.93, 0.88, 0.91], "b": [0.9, 0.9, 0.9]}))
    assert noise["a"].studies == pytest.approx(np.var([0.03, -0.02, 0.01], ddof=1))
    assert noise["a"].seeds == pytest.approx(0, abs=1e-12)
    assert (noise["b"].studies, noise["a"].pilot_studies, noise["a"].pilot_seeds) == pytest.approx((0, 3, 3), abs=1e-12)


def test_a_pilot_of_one_study_or_without_pairs_is_refused(make) -> None:
    with pytest.raises(InputError, match=r"has one study.*search\.studies"):
        noise_of(make.confirmed({"adam": [0.9] * 5, "a": [0.9] * 5}))
    records = replicated(make, {"adam": [0.9] * 3, "a": [0.93, 0.88, 0.91]})
    one = [run for run in records.confirmations if run.arm == "adam" or run.study == 1]
    with pytest.raises(InputError, match="no arm that shares seeds with adam"):
        noise_of(replace(records, confirmations=tuple(one)))


def test_what_is_neither_better_nor_worse_nor_equivalent_is_not_settled(make) -> None:
    def unsettled(smallest: float | None, found: dict[str, list[float]]) -> list[str]:
        records = replicated(make, found)
        metric = replace(records.sweep.metric, smallest_difference=smallest)
        verdict = analysis.judge(replace(records, sweep=replace(records.sweep, metric=metric)))
        return JudgedSweep(tables_of((records,), no_curves(), ""), (verdict,)).unsettled

    better, same = {"adam": [0.90, 0.91, 0.90], "scheduled": [0.95, 0.96, 0.952]}, {"adam": [0.9] * 3}
    assert unsettled(None, better) == []
    assert unsettled(None, {**same, "scheduled": [0.91, 0.88, 0.905]}) == ["scheduled"]
    assert unsettled(0.1, {**same, "scheduled": [0.91, 0.88, 0.905]}) == ["scheduled"]
    assert unsettled(9.0, {**same, "scheduled": [0.91, 0.899, 0.905]}) == []


def test_an_earlier_sweeps_noise_says_how_many_studies_see_a_difference(make) -> None:
    records = replicated(make, {"adam": [0.90, 0.91, 0.97], "scheduled": [0.95, 0.95, 0.87]})
    sweep = parse_sweep(yaml.safe_dump(records.sweep.file.plain(), sort_keys=False))
    found = designs_for(sweep, [records], 4.0)
    noise = noise_of(records)["scheduled"]
    assert found == designs([noise], 0.04, fewest_studies=3), "4 points of an accuracy are 0.04"
    assert designs_for(sweep, [records], 1000.0)[0].studies == 3, "no verdict on fewer"
    four = parse_sweep(yaml.safe_dump({**sweep.file.plain(), "arms": _with_others(sweep)}, sort_keys=False))
    assert designs_for(four, [records], 4.0)[0].studies > found[0].studies, "Bonferroni"
    strange = parse_sweep(yaml.safe_dump({**sweep.file.plain(), "arms": _with_others(sweep, of=("adam",))}))
    with pytest.raises(InputError, match="compares scheduled with adam, none of which"):
        designs_for(strange, [records], 4.0)
    elsewhere = {**sweep.file.plain(), "workload": {"name": "lstm/ptb"}}
    with pytest.raises(InputError, match="says nothing of the noise on lstm/ptb"):
        designs_for(parse_sweep(yaml.safe_dump(elsewhere)), [records], 4.0)


def _with_others(sweep: Sweep, of: tuple[str, ...] = ("adam", "scheduled")) -> dict[str, dict]:
    arms = sweep.file.plain()["arms"]
    return {**{name: arms[name] for name in of}, **{name: {"optimizer": "sgd"} for name in ("one", "other")}}
