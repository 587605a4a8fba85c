"""What it costs that trials count in the order of their numbers: wall time beside searches that go by the clock.

On recorded curves, 256 trials of one search with rungs at 3 and 9 of 27 epochs, on 16 and 64 places whose trials
differ in speed by 3 and by 10 times; 20 repetitions of each. The rival goes by the clock, in the same clockwork: Ray's
OptunaSearch with Ray's ASHA. Both draw at random, so that the time to draw has no part in it. "Windows" are how many
trials before a trial need not have ended when it is drawn, in places.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from statistics import median

import optuna

from benchmarks.recorded_curves import DIGITS, RecordedCurves, sweep_of_the_table
from benchmarks.report import Goal, table
from benchmarks.search_quality import EPOCHS, StockSearcher
from cluster.ray.simulation import Clockwork, Ended, simulate
from search_spaces.study.assignment import Assignment

TRIALS, REPETITIONS = 256, 20
ASHA = {"type": "asha", "grace": 3, "eta": 3}
PLACES, SPEEDS, WINDOWS = (16, 64), (3.0, 10.0), (1, 2, 4, math.inf)
Pace = Callable[[Assignment], float]


def main() -> list[Goal]:
    """Print wall times over the rival's, and the share of epochs that were trained in vain; return the goals."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    curves = RecordedCurves(DIGITS, sweep_of_the_table().arms["adam"].space.parameters)
    rows, found = [], {}
    for places in PLACES:
        for speed in SPEEDS:
            clock = [_by_clock(curves, places, _pace(speed, seed), seed) for seed in range(REPETITIONS)]
            for window in WINDOWS:
                runs = [_by_number(curves, places, _pace(speed, seed), seed, window) for seed in range(REPETITIONS)]
                ratio = median(own[-1].at / other[-1].at for own, other in zip(runs, clock, strict=True))
                vain = median(_in_vain(run) for run in runs)
                found[places, speed, window] = ratio, vain
                name = "none" if math.isinf(window) else f"{window} x places"
                rows.append((str(places), f"{speed:g}", name, f"{ratio:.3f}", f"{vain:.1%}"))
    print(
        table(("places", "speeds differ by", "window", "wall time / by the clock", "epochs in vain"), rows), end="\n\n"
    )
    goals = [
        Goal("wall time, 64 places, speeds 10x, window 4 x places", found[64, 10.0, 4][0], "at most", 1.12),
        Goal("epochs in vain, 64 places, speeds 10x, window 4 x places", found[64, 10.0, 4][1], "at most", 0.25),
    ]
    print(*goals, sep="\n")
    return goals


def _pace(speed: float, seed: int) -> Pace:
    """Seconds of an epoch of each trial, drawn between 1 and ``speed``, by the trial alone."""
    return lambda one: speed ** random.Random(f"{seed} {one.number}").random()


def _by_number(curves: RecordedCurves, places: int, pace: Pace, seed: int, window: float) -> list[Ended]:
    """One search as a sweep has it."""
    limited = {} if math.isinf(window) else {"search__window": int(window * places)}
    method = (
        {"search__method": "random"}
        if math.isinf(window)
        # At random, and yet with the window of a sampler that learns.
        else {"search__method": "TPESampler", "search__arguments": {"n_startup_trials": 10**6}}
    )
    sweep = sweep_of_the_table(search__seed=seed, search__trials=TRIALS, scheduler=ASHA, **method, **limited)
    runs = simulate(sweep, lambda one, epoch: curves.value(one.hyperparameters, epoch), slots=places, seconds=pace)
    return [run for run in runs if run.assignment.role == "trial"]


def _by_clock(curves: RecordedCurves, places: int, pace: Pace, seed: int) -> list[Ended]:
    from optuna.samplers import RandomSampler
    from ray.tune.schedulers import AsyncHyperBandScheduler

    scheduler = AsyncHyperBandScheduler(
        time_attr="epoch", metric="objective", mode="min", max_t=EPOCHS, grace_period=3, reduction_factor=3
    )
    searcher = StockSearcher(RandomSampler(seed=seed), TRIALS, scheduler)
    curve: Callable[[Assignment, int], float] = lambda one, epoch: curves.value(one.hyperparameters, epoch)  # noqa: E731
    return Clockwork(searcher, curve, lambda _: [3, 9, EPOCHS], pace, 0.0).run(places, searcher.take_ended)


def _in_vain(runs: list[Ended]) -> float:
    trained = sum(run.trained for run in runs)
    return 1 - sum(run.epochs for run in runs) / trained
