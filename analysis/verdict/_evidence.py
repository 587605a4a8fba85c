"""What each study of an arm found, and what of it is compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.data.runs import Goal, RunRecord, SweepRecords
from analysis.statistics.intervals import PairKey
from analysis.statistics.pareto_front import pareto_front
from trainables.mlflow_contract import final_of

if TYPE_CHECKING:
    from search_spaces import Sweep


@dataclass(frozen=True)
class Configuration:
    """A trial's hyperparameters and its last validation value; `value` is None where it has none.

    `tradeoffs` are the values of the sweep's further metrics, in its order.
    """

    trial_id: str
    value: float | None
    params: Mapping[str, Any]
    tradeoffs: tuple[float, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What one study of an arm found, before any comparison; `rank` counts the confirmed from 1."""

    trials: tuple[RunRecord, ...]
    confirmations: tuple[RunRecord, ...]
    best: Configuration | None
    front: tuple[Configuration, ...]
    confirmed: tuple[Configuration, ...]
    scores: Mapping[PairKey, float]
    unscored: Mapping[PairKey, str]


def evidence_of(name: str, study: int, records: SweepRecords) -> Evidence:
    """What the arm's study of that number found."""
    sweep = records.sweep
    trials = tuple(run for run in records.trials if (run.arm, run.study) == (name, study))
    confirmations = tuple(run for run in records.confirmations if (run.arm, run.study) == (name, study))
    configurations = {run.trial_id: _configuration(run, sweep) for run in trials}
    finished = [configurations[run.trial_id] for run in trials if run.finished]
    valued = best_first((tried for tried in finished if tried.value is not None), sweep.metric.goal)
    front = front_of(valued, sweep)
    confirmed = _confirmed(
        _still_standing(confirmations, front), configurations, sweep.metric.goal, sweep.confirm.top_k
    )
    scores, unscored = _scores(confirmed, confirmations, records, study)
    standing = {configuration.trial_id for configuration in confirmed}
    return Evidence(
        trials=trials,
        confirmations=tuple(run for run in confirmations if run.confirm_of is None or run.confirm_of in standing),
        best=valued[0] if valued else None,
        front=front,
        confirmed=confirmed,
        scores=scores,
        unscored=unscored,
    )


def _still_standing(confirmations: tuple[RunRecord, ...], front: Sequence[Configuration]) -> tuple[RunRecord, ...]:
    """A sweep that got more trials may have confirmed others before, which now are beaten in everything."""
    standing = {tried.trial_id for tried in front}
    return tuple(run for run in confirmations if run.confirm_of in standing) or confirmations


def _confirmed(
    confirmations: tuple[RunRecord, ...], tried: Mapping[str, Configuration], goal: Goal, top_k: int
) -> tuple[Configuration, ...]:
    """The configurations that were confirmed, best first; a trial that is no longer there goes last."""
    repeated = {run.confirm_of: run for run in confirmations if run.confirm_of}
    found = [tried.get(name, Configuration(name, None, run.params)) for name, run in repeated.items()]
    # A sweep that got more trials may have confirmed others before.
    return tuple(best_first(found, goal)[:top_k])


def _scores(
    confirmed: tuple[Configuration, ...], confirmations: tuple[RunRecord, ...], records: SweepRecords, study: int
) -> tuple[dict[PairKey, float], dict[PairKey, str]]:
    """The score of each (rank, seed), and for each one that should be there and is not, why."""
    rank_of = {tried.trial_id: rank for rank, tried in enumerate(confirmed, start=1)}
    scores: dict[PairKey, float] = {}
    seeds = records.sweep.confirm.of_study(study)
    unscored = {(rank, seed): "not run" for rank in rank_of.values() for seed in seeds}
    for run in confirmations:
        if run.confirm_of not in rank_of:
            continue
        key = (rank_of[run.confirm_of], run.seed)
        score = run.metrics.get(records.score_metric, math.nan)
        if run.finished and math.isfinite(score):
            scores[key] = score
            unscored.pop(key, None)
        else:
            unscored[key] = f"no {records.score_metric}" if run.finished else str(run.status_reason)
    return scores, unscored


def _configuration(run: RunRecord, sweep: Sweep) -> Configuration:
    """The last evaluation counts, not the luckiest one."""
    metric = sweep.metric.name
    value = run.metrics.get(final_of(metric), run.metrics.get(metric, math.nan))
    tradeoffs = tuple(run.metrics.get(tradeoff.name, math.inf) for tradeoff in sweep.tradeoffs)
    return Configuration(run.trial_id, value if math.isfinite(value) else None, run.params, tradeoffs)


def front_of(found: Iterable[Configuration], sweep: Sweep) -> tuple[Configuration, ...]:
    """Those on the Pareto front, the best in the metric first; none where the sweep has no tradeoffs."""
    if not sweep.tradeoffs:
        return ()
    minimize = [objective.goal == "minimize" for objective in sweep.objectives]
    valued = best_first(found, sweep.metric.goal)
    values = [[tried.value, *tried.tradeoffs] for tried in valued]
    return tuple(valued[index] for index in pareto_front(values, minimize))


def best_first(found: Iterable[Configuration], goal: Goal) -> list[Configuration]:
    """Those without a value go last, and equal ones by their number."""

    def place(tried: Configuration) -> tuple[float, int, str]:
        value = math.inf if tried.value is None else tried.value if goal == "minimize" else -tried.value
        number = tried.trial_id.rpartition("/")[2]
        return value, int(number) if number.isdecimal() else 0, tried.trial_id

    return sorted(found, key=place)


def by_rank_of_all(studies: Sequence[Evidence], values: Literal["scores", "unscored"]) -> dict[PairKey, Any]:
    """Ranks counted through all studies, as the confirmed configurations stand in the verdict."""
    found, before = {}, 0
    for study in studies:
        found |= {(before + rank, seed): value for (rank, seed), value in getattr(study, values).items()}
        before += len(study.confirmed)
    return found


def units(own: Sequence[Evidence], other: Sequence[Evidence]) -> tuple[dict[PairKey, float], dict[PairKey, float]]:
    """What is compared: the scores by rank and seed; of several studies the mean of each over what both have."""
    if len(own) == 1:
        return dict(own[0].scores), dict(other[0].scores)
    shared = [mine.scores.keys() & theirs.scores.keys() for mine, theirs in zip(own, other, strict=True)]

    def means(studies: Sequence[Evidence]) -> dict[PairKey, float]:
        return {
            (1, number): float(np.mean([study.scores[key] for key in sorted(keys)]))
            for number, (study, keys) in enumerate(zip(studies, shared, strict=True), start=1)
            if keys
        }

    return means(own), means(other)


def center(own: Sequence[Evidence]) -> float | None:
    """The mean of the scores; of several studies that of their means, about which the intervals are."""
    means = [float(np.mean(list(study.scores.values()))) for study in own if study.scores]
    return float(np.mean(means)) if means else None
