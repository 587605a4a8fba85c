"""From a sweep's records to its verdict: what holds for each arm against the baseline, and what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.data.runs import RunRecord, SweepRecords
from analysis.statistics import intervals
from analysis.statistics.intervals import Interval, PairedDifference, PairKey
from analysis.verdict import sentences
from analysis.verdict._evidence import (
    Evidence,
    best_first,
    by_rank_of_all,
    center,
    evidence_of,
    front_of,
    units,
)
from analysis.verdict.findings import ArmVerdict, Finding, Verdict
from analysis.verdict.formatting import is_fraction
from trainables.mlflow_contract import STEPS, STEPS_TO_TARGET, Status

if TYPE_CHECKING:
    from search_spaces import Sweep

LEVEL = 0.95
FEWEST_SEEDS = 3


def judge(records: SweepRecords) -> Verdict:
    """Compare every arm of the sweep with its baseline.

    A difference is shown only where the interval of the paired differences excludes 0. With several arms each
    interval is at level 1 - 0.05 / comparisons, so that all of them hold together at 95 %, on every workload. Of
    simulated sweeps with ten configurations that are alike (normal scores), 4.8 % with 3 or 5 seeds and 4.5 % with 10
    have any difference claimed. With one study that is the noise of seeds; see `Verdict.interval_covers`.
    """
    sweep = records.sweep
    comparisons = max(1, len(sweep.arms) - 1) * records.workloads
    level = 1 - (1 - LEVEL) / comparisons
    studies = range(1, sweep.search.studies + 1)
    evidence = {name: [evidence_of(name, study, records) for study in studies] for name in sweep.arms}
    baseline = evidence[sweep.baseline]
    arms = tuple(_judge_arm(name, evidence[name], baseline, records, level) for name in sweep.arms)
    return Verdict(
        sweep=sweep,
        workload=records.workload,
        sweep_id=records.sweep_id,
        score_metric=records.score_metric,
        score_goal=records.score_goal,
        comparison_level=level,
        arms=arms,
        sentences=sentences.of_verdict(arms, records, level),
        seconds=records.seconds,
        planned_seconds=records.planned_seconds,
    )


def _judge_arm(
    name: str, own: Sequence[Evidence], baseline: Sequence[Evidence], records: SweepRecords, level: float
) -> ArmVerdict:
    sweep = records.sweep
    is_baseline = name == sweep.baseline
    scores, minimize = by_rank_of_all(own, "scores"), records.score_goal == "minimize"
    compared = units(own, baseline)
    difference = None if is_baseline else intervals.paired_difference(*compared, level)
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
        difference=difference,
        effect_size=None if is_baseline else intervals.effect_size(*compared),
        p_better=None if is_baseline else p_better,
        steps_to_target=_steps_to_target(confirmations, sweep),
        finding="baseline" if is_baseline else _finding(difference, minimize),
        search_steps=_search_steps(trials),
        planned_steps=records.planned_steps.get(name),
        front=front_of((tried for study in own for tried in study.front), sweep),
    )


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
    return intervals.median_steps([run.metrics.get(STEPS_TO_TARGET) for run in told])


def _finding(difference: PairedDifference | None, minimize: bool) -> Finding:
    if difference is None:
        return "not_compared"
    if len(difference.seeds) < FEWEST_SEEDS:
        return "too_few_seeds"
    if difference.interval is None:
        same = all(value == 0 for value in difference.differences.values())
        return "no_difference_shown" if same else "undecided"
    if not difference.interval.excludes_zero:
        return "no_difference_shown"
    return "better" if (difference.mean < 0) == minimize else "worse"


def _count(runs: Iterable[RunRecord]) -> dict[str, int]:
    counted = Counter(run.status_reason for run in runs)
    return {str(status): counted[status] for status in Status}
