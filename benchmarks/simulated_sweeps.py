"""Whole sweeps on recorded scores, judged by the real functions: what verdicts say where the truth is known.

Searches are those of real sweeps, with the real sampler, scheduler and choice of the best; a sweep puts some of them
together as the studies of its arms, and confirms them with seeds of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from analysis.data.looks import Looks
from analysis.data.runs import RunRecord, SweepRecords
from analysis.verdict.findings import Verdict
from analysis.verdict.judgement import judge
from benchmarks.recorded_scores import CONFIRM_SEEDS, SEARCH_SEEDS, Question, RecordedScores
from search_spaces import Sweep
from search_spaces.study.assignment import Assignment
from trainables.mlflow_contract import Role, Status, final_of

_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Protocol:
    """How much a sweep does: studies an arm, trials a study, seeds a study's confirmation."""

    studies: int
    trials: int
    seeds: int

    def __str__(self) -> str:
        studies = "1 study" if self.studies == 1 else f"{self.studies} studies"
        return f"{studies} x {self.trials} trials x {self.seeds} seed{'s' if self.seeds > 1 else ''}"


def search(question: Question, table: RecordedScores, trials: int, seed: int, **overrides: Any) -> int:
    """Return the row of the table that a study of so many trials confirms; ``overrides`` as for `Question.sweep`."""
    from cluster.ray.simulation import simulate

    sweep = question.sweep(search__trials=trials, search__seed=seed, **overrides)
    rows: dict[int, int] = {}

    def curve(run: Assignment, epoch: int) -> float:
        number = run.number if run.confirms is None else run.confirms
        if number not in rows:
            near = table.near(run.hyperparameters)
            rows[number] = random.Random(f"{seed} {number}").choice(near)
        return float(table.curves[rows[number], seed % len(SEARCH_SEEDS), epoch - 1])

    runs = simulate(sweep, curve, slots=1)
    confirmed = {run.assignment.confirms for run in runs if run.assignment.role == Role.CONFIRM}
    (best,) = confirmed
    assert best is not None
    return rows[best]


def judged_sweep(question: Question, protocol: Protocol, arms: Iterable[str], smallest: float | None = None) -> Sweep:
    """The sweep of several equal arms, the first the baseline, that records of simulated searches belong to.

    ``smallest`` is the smallest difference that matters, in percentage points.
    """
    same = dict.fromkeys(arms, question.arm)
    return question.sweep(
        arms=same,
        baseline=next(iter(same)),
        search__studies=protocol.studies,
        search__trials=protocol.trials,
        search__seed=2_000_000,
        confirm__seeds=list(range(protocol.seeds)),
        **({} if smallest is None else {"metric__smallest_difference": smallest}),
    )


def drawn_seeds(protocol: Protocol, chance: np.random.Generator) -> np.ndarray:
    """Recorded seeds of the confirmation of each study, (studies, seeds), of which no two studies share one."""
    drawn = chance.permutation(len(CONFIRM_SEEDS))[: protocol.studies * protocol.seeds]
    return drawn.reshape(protocol.studies, protocol.seeds)


def verdict(
    sweep: Sweep,
    table: RecordedScores,
    arms: Mapping[str, Iterable[int]],
    seeds: np.ndarray,
    gain: float = 0.0,
    looks: Looks | None = None,
) -> Verdict:
    """Judge a sweep whose arms confirm these rows of the table, a row a study, each with its recorded ``seeds``.

    To the scores of all arms but the baseline ``gain`` is added, in percentage points.
    """
    trials, confirmations = list[RunRecord](), list[RunRecord]()
    for arm, rows in arms.items():
        for study, (row, own) in enumerate(zip(rows, seeds, strict=True), start=1):
            trials.append(_trial(arm, study, row, sweep.metric.name))
            scores = table.scores[row, own] + (0 if arm == sweep.baseline else gain / 100)
            confirmations += _confirmations(arm, study, sweep, scores)
    return judge(
        SweepRecords(
            sweep=sweep,
            sweep_id=sweep.name,
            score_metric="test/accuracy",
            score_goal="maximize",
            trials=tuple(trials),
            confirmations=tuple(confirmations),
            looks=looks,
        )
    )


def _trial(arm: str, study: int, row: int, metric: str) -> RunRecord:
    return RunRecord(
        run_id="",
        trial_id=f"{arm}/{study}/0",
        arm=arm,
        seed=0,
        status_reason=Status.FINISHED,
        params={"row": row},
        metrics={final_of(metric): 0.0},
        start=_AT,
        end=_AT,
        study=study,
    )


def _confirmations(arm: str, study: int, sweep: Sweep, scores: np.ndarray) -> Iterator[RunRecord]:
    for number, (seed, score) in enumerate(zip(sweep.confirm.of_study(study), scores, strict=True)):
        yield RunRecord(
            run_id="",
            trial_id=f"{arm}/{study}/confirm/{number}",
            arm=arm,
            seed=seed,
            status_reason=Status.FINISHED,
            params={},
            metrics={"test/accuracy": float(score)},
            start=_AT,
            end=_AT,
            confirm_of=f"{arm}/{study}/0",
            study=study,
        )
