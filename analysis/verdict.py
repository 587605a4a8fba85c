"""From a sweep's records to its verdict: what holds for each arm against the baseline, and what does not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis import sentences, statistics
from analysis.formatting import is_fraction
from analysis.runs import OUTCOMES, Goal, RunRecord, SweepRecords
from analysis.statistics import Interval, PairedDifference, PairKey

if TYPE_CHECKING:
    from search_spaces import Sweep

LEVEL = 0.95
FEWEST_SEEDS = 3

Finding = Literal["baseline", "better", "worse", "no_difference_shown", "too_few_seeds", "undecided", "not_compared"]


@dataclass(frozen=True)
class Configuration:
    """A trial's hyperparameters and its last validation value; `value` is None where it has none."""

    trial_id: str
    value: float | None
    params: Mapping[str, str]


@dataclass(frozen=True)
class ArmVerdict:
    """One arm: its search, its confirmation, and how it stands against the baseline.

    `best` is the finished trial with the best last validation value. `confirmed` are the configurations that
    were confirmed, best first; their place counted from 1 is the rank in the keys of `scores` and `unscored`
    (why a score is missing). `trials` and `confirmations` count runs by outcome. `steps_to_target` is a
    median over confirmation runs, infinite for "never". `search_steps` are the optimizer steps of all trials,
    `planned_steps` those that were expected.
    """

    name: str
    optimizer: str
    best: Configuration | None
    trials: Mapping[str, int]
    confirmed: tuple[Configuration, ...]
    confirmations: Mapping[str, int]
    unscored: Mapping[PairKey, str]
    scores: Mapping[PairKey, float]
    mean: float | None
    interval: Interval | None
    difference: PairedDifference | None
    p_better: float | None
    steps_to_target: float | None
    finding: Finding
    search_steps: float | None = None
    planned_steps: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What a sweep shows. `comparison_level` is that of the differences' intervals (Bonferroni-corrected)."""

    sweep: Sweep
    sweep_id: str
    score_metric: str
    score_goal: Goal
    comparison_level: float
    arms: tuple[ArmVerdict, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class _Evidence:
    """An arm's own runs, before any comparison."""

    trials: tuple[RunRecord, ...]
    confirmations: tuple[RunRecord, ...]
    best: Configuration | None
    confirmed: tuple[Configuration, ...]
    scores: Mapping[PairKey, float]
    unscored: Mapping[PairKey, str]


def judge(records: SweepRecords) -> Verdict:
    """Compare every arm of the sweep with its baseline.

    A difference is shown only where the interval of the paired differences excludes 0. With several arms each
    interval is at level 1 - 0.05 / comparisons, so that all of them hold together at 95 %.
    """
    sweep = records.sweep
    comparisons = max(1, len(sweep.arms) - 1)
    level = 1 - (1 - LEVEL) / comparisons
    evidence = {name: _evidence(name, records) for name in sweep.arms}
    baseline = evidence[sweep.baseline]
    arms = tuple(_judge_arm(name, evidence[name], baseline, records, level) for name in sweep.arms)
    return Verdict(
        sweep=sweep,
        sweep_id=records.sweep_id,
        score_metric=records.score_metric,
        score_goal=records.score_goal,
        comparison_level=level,
        arms=arms,
        sentences=sentences.of_verdict(arms, records, level),
    )


def _evidence(name: str, records: SweepRecords) -> _Evidence:
    sweep = records.sweep
    trials = tuple(run for run in records.trials if run.arm == name)
    confirmations = tuple(run for run in records.confirmations if run.arm == name)
    configurations = {run.trial_id: _configuration(run, sweep.metric.name) for run in trials}
    finished = [configurations[run.trial_id] for run in trials if run.finished]
    valued = [tried for tried in finished if tried.value is not None]
    confirmed = _confirmed(confirmations, configurations, sweep.metric.goal, sweep.confirm.top_k)
    scores, unscored = _scores(confirmed, confirmations, records)
    standing = {configuration.trial_id for configuration in confirmed}
    return _Evidence(
        trials=trials,
        confirmations=tuple(run for run in confirmations if run.confirm_of is None or run.confirm_of in standing),
        best=min(valued, key=lambda tried: _place(tried, sweep.metric.goal), default=None),
        confirmed=confirmed,
        scores=scores,
        unscored=unscored,
    )


def _confirmed(
    confirmations: tuple[RunRecord, ...], tried: Mapping[str, Configuration], goal: Goal, top_k: int
) -> tuple[Configuration, ...]:
    """The configurations that were confirmed, best first; a trial that is no longer there goes last."""
    repeated = {run.confirm_of: run for run in confirmations if run.confirm_of}
    found = [tried.get(name, Configuration(name, None, run.params)) for name, run in repeated.items()]
    # A sweep that got more trials may have confirmed others before.
    return tuple(sorted(found, key=lambda configuration: _place(configuration, goal))[:top_k])


def _scores(
    confirmed: tuple[Configuration, ...], confirmations: tuple[RunRecord, ...], records: SweepRecords
) -> tuple[dict[PairKey, float], dict[PairKey, str]]:
    """The score of each (rank, seed), and for each one that should be there and is not, why."""
    rank_of = {tried.trial_id: rank for rank, tried in enumerate(confirmed, start=1)}
    scores: dict[PairKey, float] = {}
    unscored = {(rank, seed): "not run" for rank in rank_of.values() for seed in records.sweep.confirm.seeds}
    for run in confirmations:
        if run.confirm_of not in rank_of:
            continue
        key = (rank_of[run.confirm_of], run.seed)
        score = run.metrics.get(records.score_metric, math.nan)
        if run.finished and math.isfinite(score):
            scores[key] = score
            unscored.pop(key, None)
        else:
            unscored[key] = f"no {records.score_metric}" if run.finished else run.status_reason
    return scores, unscored


def _configuration(run: RunRecord, metric: str) -> Configuration:
    """The last evaluation counts, not the luckiest one."""
    value = run.metrics.get(f"summary/final_{metric.replace('/', '_')}", run.metrics.get(metric, math.nan))
    return Configuration(run.trial_id, value if math.isfinite(value) else None, run.params)


def _place(tried: Configuration, goal: Goal) -> tuple[float, int, str]:
    """Sorts the best first; those without a value go last, and equal ones by their number."""
    value = math.inf if tried.value is None else tried.value if goal == "minimize" else -tried.value
    number = tried.trial_id.rpartition("/")[2]
    return value, int(number) if number.isdigit() else 0, tried.trial_id


def _judge_arm(name: str, own: _Evidence, baseline: _Evidence, records: SweepRecords, level: float) -> ArmVerdict:
    is_baseline = name == records.sweep.baseline
    scores, minimize = own.scores, records.score_goal == "minimize"
    difference = None if is_baseline else statistics.paired_difference(scores, baseline.scores, level)
    p_better = statistics.probability_of_improvement(
        list(scores.values()), list(baseline.scores.values()), minimize=minimize
    )
    return ArmVerdict(
        name=name,
        optimizer=records.sweep.arms[name].optimizer,
        best=own.best,
        trials=_count(own.trials),
        confirmed=own.confirmed,
        confirmations=_count(own.confirmations),
        unscored=own.unscored,
        scores=scores,
        mean=float(np.mean(list(scores.values()))) if scores else None,
        interval=_interval(scores, records.score_metric),
        difference=difference,
        p_better=None if is_baseline else p_better,
        steps_to_target=_steps_to_target(own.confirmations, records.sweep),
        finding="baseline" if is_baseline else _finding(difference, minimize),
        search_steps=_search_steps(own.trials),
        planned_steps=records.planned_steps.get(name),
    )


def _search_steps(trials: Iterable[RunRecord]) -> float | None:
    """None where a trial does not tell its steps, which a run of an older version does not."""
    told = [run.metrics.get("summary/steps") for run in trials if run.status_reason not in ("failed", "running")]
    return sum(steps for steps in told if steps is not None) if None not in told else None


def _interval(scores: Mapping[PairKey, float], metric: str) -> Interval | None:
    interval = statistics.bootstrap_interval(statistics.by_rank(scores), LEVEL)
    if interval is None or not is_fraction(metric):
        return interval
    return Interval(max(0.0, interval.low), min(1.0, interval.high), interval.level)


def _steps_to_target(confirmations: Iterable[RunRecord], sweep: Sweep) -> float | None:
    """A run that diverged missed the target; one that failed or was interrupted says nothing about it."""
    if sweep.metric.target is None:
        return None
    told = [run for run in confirmations if run.status_reason in ("finished", "diverged")]
    return statistics.median_steps([run.metrics.get("summary/steps_to_target") for run in told])


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
    return {outcome: counted[outcome] for outcome in OUTCOMES}
