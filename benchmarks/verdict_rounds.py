"""How verdicts in rounds err, and what they save, on recorded scores: `--until decided` beside a fixed plan.

1,000 sweeps are put together from 1,000 searches, and judged after 3, 6, 9 and 12 studies until they are decided. Their
arms are equal but for a gain that is added to the scores of one, so the truth is known: none, the smallest difference
that matters, or more. The fixed plan is the smallest of these numbers that decides as often, judged once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from analysis.data.looks import Looks
from benchmarks.recorded_scores import QUESTIONS, RecordedScores
from benchmarks.report import Goal, table
from benchmarks.simulated_sweeps import Protocol, drawn_seeds, judged_sweep, search, verdict
from search_spaces import Sweep

QUESTION, TRIALS = "digits-lr", 8
SWEEPS, SEARCHES = 1_000, 1_000
PLANNED = (3, 6, 9, 12)
SMALLEST = 0.5
GAINS = (0.0, SMALLEST, 2 * SMALLEST)


@dataclass(frozen=True)
class Ended:
    """What the last verdict of a sweep is, and from how many studies."""

    relation: str
    studies: int


def main() -> list[Goal]:
    """Print what rounds and fixed plans decide for each gain; return the goals."""
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        rounds = dict(zip(GAINS, processes.map(in_rounds, GAINS), strict=True))
        cells = [(gain, studies) for gain in GAINS for studies in PLANNED]
        fixed = dict(zip(cells, processes.map(planned, *zip(*cells, strict=True)), strict=True))
    rows = []
    for gain, ended in rounds.items():
        decided = _share(ended, "better", "worse", "equivalent")
        enough = [n for n in PLANNED if _share(fixed[gain, n], "better", "worse", "equivalent") >= decided]
        rows.append(
            (
                f"{gain:g}",
                *(f"{_share(ended, relation):.1%}" for relation in ("better", "worse", "equivalent", "undecided")),
                f"{np.mean([one.studies for one in ended]):.1f}",
                str(enough[0]) if enough else f"above {PLANNED[-1]}",
            )
        )
    header = ("true difference, points", "better", "worse", "equivalent", "undecided", "studies", "fixed plan")
    print(f"{QUESTION}, {SWEEPS:,} sweeps, smallest difference {SMALLEST:g} points, judged after {PLANNED} studies:\n")
    print(table(header, rows), end="\n\n")
    goals = [
        Goal("better or worse where arms are equal", 100 * _share(rounds[0.0], "better", "worse"), "at most", 5, "%"),
        Goal("equivalent at the smallest difference", 100 * _share(rounds[SMALLEST], "equivalent"), "at most", 5, "%"),
    ]
    print(*goals, sep="\n")
    return goals


def in_rounds(gain: float, sweeps: int = SWEEPS, searches: int = SEARCHES) -> list[Ended]:
    """Judge sweeps after each planned number of studies, until they are decided."""
    return [_ended(number, gain, PLANNED, searches) for number in range(sweeps)]


def planned(gain: float, studies: int, sweeps: int = SWEEPS, searches: int = SEARCHES) -> list[Ended]:
    """Judge sweeps once, after so many studies."""
    return [_ended(number, gain, (studies,), searches) for number in range(sweeps)]


def _ended(number: int, gain: float, looks: Sequence[int], searches: int) -> Ended:
    chance = np.random.default_rng((3, number))
    scores, found = _searched(searches)
    rows = chance.choice(found, (2, PLANNED[-1]), replace=False)
    seeds = drawn_seeds(_protocol(PLANNED[-1]), chance)
    relation, studies = "", 0
    for index, studies in enumerate(looks):
        arms = {"baseline": rows[0, :studies], "gaining": rows[1, :studies]}
        taken = Looks(tuple(looks), tuple(looks[: index + 1])) if len(looks) > 1 else None
        judged = verdict(_sweep(studies), scores, arms, seeds[:studies], gain, taken).arms[1]
        relation = judged.relation
        if judged.is_settled:
            break
    return Ended(relation, studies)


def _protocol(studies: int) -> Protocol:
    return Protocol(studies, TRIALS, 1)


@lru_cache
def _sweep(studies: int) -> Sweep:
    return judged_sweep(QUESTIONS[QUESTION], _protocol(studies), ("baseline", "gaining"), SMALLEST)


@lru_cache
def _searched(count: int) -> tuple[RecordedScores, np.ndarray]:
    scores = RecordedScores(QUESTIONS[QUESTION])
    return scores, np.array([search(QUESTIONS[QUESTION], scores, TRIALS, seed) for seed in range(count)])


def _share(ended: Sequence[Ended], *relations: str) -> float:
    return sum(one.relation in relations for one in ended) / len(ended)
