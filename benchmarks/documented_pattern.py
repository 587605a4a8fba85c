"""A whole sweep of small trials against the two ways that users have without this project.

All sides train 12 nets of 64-128-64-10 on the digits for 40 epochs of batches of 32 with Adam, the learning rate chosen
by TPE, one core a trial, nothing stopped early, an evaluation after every epoch. Adamant's twelfth trial is the
confirmation of the best on a fresh seed, which waits for the other eleven, and which reads the test split too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.recorded_sweep import recorded_trials
from benchmarks.report import Goal, median_and_range, table
from benchmarks.sandbox import ADAMANT, Command, Sandbox, sandbox
from benchmarks.timeline import Interval, first_start, read, span

ROUNDS = 3
TRIALS = 12
SWEEP = "quickstart"
SETTINGS = (
    "workload={name: mlp/digits, epochs: 40, batch_size: 32}",
    "arms={adam: {optimizer: adam, space: [lr]}}",
    f"search.trials={TRIALS - 1}",
    "scheduler.type=none",
    "confirm.seeds=[1]",
    "search.studies=1",
)


@dataclass(frozen=True)
class Costs:
    """Seconds a trial of one sweep: the whole command, the same without its start-up, and the trials alone."""

    whole: float
    after_start_up: float
    trials: float


def _costs(command: Command, intervals: list[Interval]) -> Costs:
    if len(intervals) != TRIALS:
        raise RuntimeError(f"{len(intervals)} trials instead of {TRIALS}\n{command.output[-3000:]}")
    return Costs(
        whole=command.seconds / TRIALS,
        after_start_up=(command.ended - first_start(intervals)) / TRIALS,
        trials=span(intervals) / TRIALS,
    )


def _adamant(box: Sandbox, folder: Path) -> Costs:
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    command = box.run(ADAMANT, "run", SWEEP, "--storage", str(folder), *settings)
    return _costs(command, [trial.interval for trial in recorded_trials(folder / SWEEP)])


def _rival(module: str) -> Callable[[Sandbox, Path], Costs]:
    def run(box: Sandbox, folder: Path) -> Costs:
        command = box.run_module(f"benchmarks.rivals.{module}", str(folder))
        return _costs(command, read(folder / "timeline.jsonl"))

    return run


ADAMANT_SIDE, RAY_SIDE, OPTUNA_SIDE = "adamant run", "Ray Tune, as documented", "Optuna, one process a core"
SIDES: dict[str, Callable[[Sandbox, Path], Costs]] = {
    ADAMANT_SIDE: _adamant,
    RAY_SIDE: _rival("ray_tune"),
    OPTUNA_SIDE: _rival("optuna_processes"),
}
MEASURES: dict[str, Callable[[Costs], float]] = {
    "whole command": lambda costs: costs.whole,
    "without start-up": lambda costs: costs.after_start_up,
    "trials alone": lambda costs: costs.trials,
}
JUDGED = "without start-up"


def main() -> list[Goal]:
    """Interleave the three sides, print seconds a trial and ratios, and return the goal."""
    costs: dict[str, list[Costs]] = {side: [] for side in SIDES}
    with sandbox() as box:
        for _ in range(ROUNDS):
            for side, run in SIDES.items():
                costs[side].append(run(box, box.folder()))

    print(f"Seconds a trial, {TRIALS} trials a sweep, median [least, greatest] of {ROUNDS} interleaved rounds:\n")
    rows = [
        (side, *(median_and_range([measure(each) for each in costs[side]]) for measure in MEASURES.values()))
        for side in SIDES
    ]
    print(table(("", *MEASURES), rows), end="\n\n")
    print("As ratios of the medians to adamant's (above 1: adamant is faster):\n")
    ratios = {side: {name: _ratio(costs, side, name) for name in MEASURES} for side in (RAY_SIDE, OPTUNA_SIDE)}
    print(table(("", *MEASURES), [(side, *(f"{ratio:.2f}" for ratio in ratios[side].values())) for side in ratios]))
    print(
        "\nJudged without start-up: from the first training step to the end of the command, so that every side's"
        "\nlogging and closing counts, and what 12 small trials cannot make up for does not."
    )
    against_optuna = (f"{name} {'adamant' if ratio > 1 else 'Optuna'}" for name, ratio in ratios[OPTUNA_SIDE].items())
    print(f"Faster of adamant and plain Optuna, which keeps no curves and no runs: {', '.join(against_optuna)}.")
    goal = Goal("Ray Tune as documented / adamant, a trial", ratios[RAY_SIDE][JUDGED], "at least", 5.0)
    print(goal)
    return [goal]


def _ratio(costs: dict[str, list[Costs]], side: str, name: str) -> float:
    measure = MEASURES[name]
    return median(map(measure, costs[side])) / median(map(measure, costs[ADAMANT_SIDE]))
