"""How often verdicts claim what is not so, and how often they see what is: A/A and A/B sweeps on recorded scores.

For every question and number of trials 1,000 searches are made, and 2,000 sweeps a protocol are put together from them.
In an A/A sweep all arms are the same, so each claim is an error. In an A/B sweep one arm's learning rate ends below the
best.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from scipy import stats

from benchmarks.recorded_scores import QUESTIONS, RecordedScores
from benchmarks.report import Goal, table
from benchmarks.simulated_sweeps import Protocol, drawn_seeds, judged_sweep, search, verdict

SWEEPS, SEARCHES = 2_000, 1_000
ONE_STUDY = Protocol(1, 8, 5)
QUICKSTART, SMALL, PAPER = Protocol(5, 6, 1), Protocol(3, 8, 2), Protocol(5, 32, 3)
PROTOCOLS = (ONE_STUDY, QUICKSTART, SMALL, Protocol(5, 8, 2), PAPER)
ARMS = (2, 5)
HANDICAPPED = "digits-lr"
HIGHEST_RATES = (3e-3, 2e-3, 1e-3, 5e-4)
PROMISED = 0.05


def main() -> list[Goal]:
    """Print the shares of claims where there is no difference, and of found differences; return the goals."""
    names = [name for name, question in QUESTIONS.items() if question.path.exists()]
    trials = sorted({protocol.trials for protocol in PROTOCOLS}, reverse=True)
    made = [(name, count, None) for count in trials for name in names]
    made += [(HANDICAPPED, count, rate) for count in trials for rate in HIGHEST_RATES]
    equal = [(name, protocol, arms) for name in names for protocol in PROTOCOLS for arms in ARMS]
    unequal = [(rate, protocol) for rate in HIGHEST_RATES for protocol in PROTOCOLS]
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        found = dict(zip(made, processes.map(searches, *zip(*made, strict=True)), strict=True))
        errors = processes.map(
            false_claims, *zip(*((*cell, found[cell[0], cell[1].trials, None]) for cell in equal), strict=True)
        )
        false = dict(zip(equal, errors, strict=True))
        differences = processes.map(
            found_differences,
            *zip(
                *(
                    (protocol, found[HANDICAPPED, protocol.trials, None], found[HANDICAPPED, protocol.trials, rate])
                    for rate, protocol in unequal
                ),
                strict=True,
            ),
        )
        powers = dict(zip(unequal, differences, strict=True))
    print(f"Claims of a difference between equal arms, of {SWEEPS:,} sweeps (95 % interval):\n")
    rows = [(name, str(protocol), str(arms - 1), _share(claims)) for (name, protocol, arms), claims in false.items()]
    print(table(("question", "protocol", "comparisons", "claims"), rows), end="\n\n")
    print(f"Differences found on {HANDICAPPED}, of {SWEEPS:,} sweeps whose other arm has a lower highest rate:\n")
    rows = [
        (f"{rate:g}", str(protocol), f"{100 * effect:+.2f}", _share(worse), f"{better / SWEEPS:.1%}")
        for (rate, protocol), (effect, worse, better) in powers.items()
    ]
    print(table(("highest rate", "protocol", "difference, points", "found", "wrong way"), rows), end="\n\n")
    goals = [
        Goal(f"false claims, {name}, {protocol}, {arms} arms", 100 * claims / SWEEPS, "at most", 100 * PROMISED, "%")
        for (name, protocol, arms), claims in false.items()
        if protocol.studies > 1
    ]
    print(*goals, sep="\n")
    return goals


def searches(name: str, trials: int, highest: float | None, count: int = SEARCHES) -> np.ndarray:
    """The rows of the table that so many searches confirm, whose learning rate is at most ``highest``."""
    question, limit = QUESTIONS[name], {}
    if highest is not None:
        limit = {"arms__same__parameters": {"lr": {"distribution": "log_uniform", "min": 1e-5, "max": highest}}}
    scores = RecordedScores(question)
    return np.array([search(question, scores, trials, seed, **limit) for seed in range(count)])


def false_claims(name: str, protocol: Protocol, arms: int, found: np.ndarray, sweeps: int = SWEEPS) -> int:
    """In how many sweeps of equal arms, of studies drawn from ``found``, any is called better or worse."""
    question = QUESTIONS[name]
    scores, named = RecordedScores(question), [f"same-{arm}" for arm in range(arms)]
    sweep = judged_sweep(question, protocol, named)
    claims = 0
    for number in range(sweeps):
        chance = np.random.default_rng((1, number))
        rows = chance.choice(found, (arms, protocol.studies), replace=False)
        judged = verdict(sweep, scores, dict(zip(named, rows, strict=True)), drawn_seeds(protocol, chance))
        claims += any(arm.relation in ("better", "worse") for arm in judged.arms)
    return claims


def found_differences(
    protocol: Protocol, full: np.ndarray, cut: np.ndarray, sweeps: int = SWEEPS
) -> tuple[float, int, int]:
    """The difference of a handicapped arm, and in how many sweeps it is called worse, and better."""
    question = QUESTIONS[HANDICAPPED]
    scores, arms = RecordedScores(question), {"full": full, "cut": cut}
    sweep = judged_sweep(question, protocol, arms)
    relations: list[str] = []
    for number in range(sweeps):
        chance = np.random.default_rng((2, number))
        drawn = {name: chance.choice(rows, protocol.studies, replace=False) for name, rows in arms.items()}
        relations.append(verdict(sweep, scores, drawn, drawn_seeds(protocol, chance)).arms[1].relation)
    effect = float(scores.scores[cut].mean() - scores.scores[full].mean())
    return effect, relations.count("worse"), relations.count("better")


def _share(count: int) -> str:
    interval = stats.binomtest(count, SWEEPS).proportion_ci(method="exact")
    return f"{count / SWEEPS:.1%} [{interval.low:.1%}, {interval.high:.1%}]"
