"""From a sweep's records to its verdict: what holds for each arm against the baseline, and what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.data.runs import RunRecord, SweepRecords
from analysis.statistics import intervals
from analysis.statistics.intervals import Interval, PairKey
from analysis.statistics.time_to_target import median_steps
from analysis.verdict import sentences
from analysis.verdict._comparison import Comparison, compare
from analysis.verdict._evidence import (
    Evidence,
    best_first,
    by_rank_of_all,
    center,
    evidence_of,
    front_of,
    units,
)
from analysis.verdict.findings import ArmVerdict, Verdict
from analysis.verdict.formatting import MetricFormat, is_fraction
from analysis.verdict.levels import LEVEL, Levels, levels_of
from analysis.verdict.subjects import subject_of
from trainables.mlflow_contract import STEPS, STEPS_TO_TARGET, Status

if TYPE_CHECKING:
    from search_spaces import Sweep


def judge(records: SweepRecords) -> Verdict:
    """Compare every arm of the sweep with its baseline.

    A difference is shown only where the interval of the paired differences excludes 0, and equivalence only where a
    narrower one, of two one-sided tests, lies within the sweep's smallest difference. With several arms each
    interval is at level 1 - 0.05 / comparisons, so that all of them hold together at 95 %, on every workload, and with
    several looks at that of the look. With one study findings are about configurations, as their intervals hold the
    noise of seeds alone; see `Verdict.interval_covers`.
    """
    sweep = records.sweep
    levels = levels_of(records)
    studies = range(1, sweep.search.studies + 1)
    evidence = {name: [evidence_of(name, study, records) for study in studies] for name in sweep.arms}
    baseline = evidence[sweep.baseline]
    arms = tuple(_judge_arm(name, evidence[name], baseline, records, levels) for name in sweep.arms)
    return Verdict(
        sweep=sweep,
        workload=records.workload,
        sweep_id=records.sweep_id,
        score_metric=records.score_metric,
        score_goal=records.score_goal,
        comparison_level=levels.difference,
        equivalence_level=levels.equivalence,
        smallest_difference=_smallest_difference(records),
        subject=subject_of(sweep),
        looks=records.looks,
        digest=records.digest,
        arms=arms,
        sentences=sentences.of_verdict(arms, records, levels),
        seconds=records.seconds,
        planned_seconds=records.planned_seconds,
    )


def _judge_arm(
    name: str, own: Sequence[Evidence], baseline: Sequence[Evidence], records: SweepRecords, levels: Levels
) -> ArmVerdict:
    sweep = records.sweep
    is_baseline = name == sweep.baseline
    scores, minimize = by_rank_of_all(own, "scores"), records.score_goal == "minimize"
    compared = Comparison("baseline")
    if not is_baseline:
        smallest = _smallest_difference(records)
        compared = compare(*units(own, baseline), levels, minimize=minimize, smallest=smallest)
    trials = [run for study in own for run in study.trials]
    confirmations = [run for study in own for run in study.confirmations]
    bests = best_first((study.best for study in own if study.best is not None), sweep.metric.goal)
    best_values = [best.value for best in bests if best.value is not None]
    p_better = intervals.probability_of_improvement(
        list(scores.values()), list(by_rank_of_all(baseline, "scores").values()), minimize=minimize
    )
    return ArmVerdict(
        name=name,
        optimizer=sweep.arms[name].optimizer,
        best=bests[0] if bests else None,
        best_value=float(np.median(best_values)) if best_values else None,
        trials=_count(trials),
        confirmed=tuple(tried for study in own for tried in study.confirmed),
        confirmations=_count(confirmations),
        unscored=by_rank_of_all(own, "unscored"),
        scores=scores,
        mean=center(own),
        interval=_interval(units(own, own)[0], records.score_metric),
        difference=compared.difference,
        effect_size=compared.effect_size,
        p_better=None if is_baseline else p_better,
        steps_to_target=_steps_to_target(confirmations, sweep),
        relation=compared.relation,
        subject=subject_of(sweep),
        equivalence=compared.equivalence,
        pairs_needed=compared.pairs_needed,
        search_steps=_search_steps(trials),
        planned_steps=records.planned_steps.get(name),
        front=front_of((tried for study in own for tried in study.front), sweep),
    )


def _smallest_difference(records: SweepRecords) -> float | None:
    """As scores are, from what the sweep file says as people read them."""
    smallest = records.sweep.metric.smallest_difference
    return smallest and MetricFormat(records.score_metric).as_stored(smallest)


def _search_steps(trials: Iterable[RunRecord]) -> float | None:
    """None where a trial does not tell its steps, which a run of an older version does not."""
    told = [run.metrics.get(STEPS) for run in trials if run.status_reason not in (Status.FAILED, Status.RUNNING)]
    return sum(steps for steps in told if steps is not None) if None not in told else None


def _interval(scores: Mapping[PairKey, float], metric: str) -> Interval | None:
    interval = intervals.bootstrap_interval(scores, LEVEL)
    if interval is None or not is_fraction(metric):
        return interval
    return Interval(max(0.0, interval.low), min(1.0, interval.high), interval.level)


def _steps_to_target(confirmations: Iterable[RunRecord], sweep: Sweep) -> float | None:
    """A run that diverged missed the target; one that failed or was interrupted says nothing about it."""
    if sweep.metric.target is None:
        return None
    told = [run for run in confirmations if run.status_reason in (Status.FINISHED, Status.DIVERGED)]
    return median_steps([run.metrics.get(STEPS_TO_TARGET) for run in told])


def _count(runs: Iterable[RunRecord]) -> dict[str, int]:
    counted = Counter(run.status_reason for run in runs)
    return {str(status): counted[status] for status in Status}
