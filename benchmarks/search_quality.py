"""What samplers and schedulers find, on recorded curves, beside Ray's own OptunaSearch in the same clockwork.

Each searches 50 times with 48 trials, four at once; the score of a search is the last value of its best finished trial.
With "more trials" a scheduler gets as many as bring it to a third of the epochs of 48 whole ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from statistics import mean, median
from types import SimpleNamespace
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler, TPESampler
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from benchmarks.recorded_curves import DIGITS, RecordedCurves, sweep_of_the_table
from benchmarks.report import Goal, table
from search_spaces.study.assignment import Assignment, Outcome
from trainables.mlflow_contract import Role, Status

SEEDS, TRIALS, SLOTS, EPOCHS = 50, 48, 4, 27
ASHA = {"type": "asha", "grace": 1, "eta": 3}
Found = tuple[float, int]
"""The best last value of a finished trial, and the epochs of all trials together."""


def main() -> list[Goal]:
    """Run every search, print what it found and at which cost, and return the goals."""

    logging.getLogger("ray").setLevel(logging.ERROR)
    curves = RecordedCurves(DIGITS, sweep_of_the_table().arms["adam"].space.parameters)
    none = {"type": "none"}
    searches: dict[str, Callable[[int], Found]] = {
        "random": lambda seed: ours(curves, seed, "random", none),
        "tpe": lambda seed: ours(curves, seed, "tpe", none),
        "tpe, a third of the trials": lambda seed: ours(curves, seed, "tpe", none, TRIALS // 3),
        "random, asha, more trials": lambda seed: ours(curves, seed, "random", ASHA, 90),
        "tpe, asha": lambda seed: ours(curves, seed, "tpe", ASHA),
        "tpe, asha, more trials": lambda seed: ours(curves, seed, "tpe", ASHA, 62),
        "tpe, median": lambda seed: ours(curves, seed, "tpe", {"type": "median"}),
        "tpe, hyperband": lambda seed: ours(curves, seed, "tpe", {**ASHA, "type": "hyperband"}),
        "Ray's OptunaSearch": lambda seed: stock(curves, seed, asha=False),
        "Ray's OptunaSearch, asha, more trials": lambda seed: stock(curves, seed, asha=True, trials=62),
    }
    found = {name: [search(seed) for seed in range(SEEDS)] for name, search in searches.items()}
    least = float(curves.curves[:, -1].min())
    rows = [
        (
            name,
            f"{median(best for best, _ in runs):.4f}",
            f"{np.percentile([best for best, _ in runs], 90):.4f}",
            f"{mean(epochs for _, epochs in runs):.0f}",
        )
        for name, runs in found.items()
    ]
    print(f"Best of {TRIALS} trials over {SEEDS} searches; the least of all recorded curves is {least:.4f}:\n")
    print(table(("", "median of the best", "90th percentile", "epochs"), rows), end="\n\n")
    goals = [
        Goal(
            "share of searches in which tpe finds no worse than random", _wins(found, "tpe", "random"), "at least", 0.6
        ),
        Goal(
            "random with asha / random, best", _ratio(found, "random, asha, more trials", "random", 0), "at most", 1.02
        ),
        Goal(
            "random with asha / random, epochs",
            _ratio(found, "random, asha, more trials", "random", 1),
            "at most",
            0.33,
        ),
        Goal("tpe with asha / tpe, best", _ratio(found, "tpe, asha, more trials", "tpe", 0), "at most", 1.02),
        Goal("tpe with asha / tpe, epochs", _ratio(found, "tpe, asha, more trials", "tpe", 1), "at most", 0.33),
        Goal(
            "share in which tpe finds no worse than Ray's OptunaSearch, both with asha",
            _wins(found, "tpe, asha, more trials", "Ray's OptunaSearch, asha, more trials"),
            "at least",
            0.5,
        ),
    ]
    print(*goals, sep="\n")
    return goals


def _wins(found: dict[str, list[Found]], over: str, under: str) -> float:
    return mean(own[0] <= other[0] for own, other in zip(found[over], found[under], strict=True))


def _ratio(found: dict[str, list[Found]], over: str, under: str, index: int) -> float:
    return median(run[index] for run in found[over]) / median(run[index] for run in found[under])


def ours(curves: RecordedCurves, seed: int, method: str, scheduler: dict[str, Any], trials: int = TRIALS) -> Found:
    """One search by the searcher, studies and scheduler of a real sweep."""
    from cluster.ray.simulation import simulate

    sweep = sweep_of_the_table(search__method=method, search__seed=seed, search__trials=trials, scheduler=scheduler)
    runs = simulate(sweep, lambda one, epoch: curves.value(one.hyperparameters, epoch), slots=SLOTS)
    searched = [run for run in runs if run.assignment.role == "trial"]
    finished = [run.value for run in searched if run.status == "finished"]
    return min(finished), sum(run.epochs for run in searched)


class StockSearcher:
    """Ray's OptunaSearch and scheduler as its documentation has them.

    It has as many trials as ours, and tries Adam's defaults first.
    """

    def __init__(self, sampler: BaseSampler, trials: int, scheduler: TrialScheduler) -> None:
        from optuna.distributions import FloatDistribution
        from ray.tune.search.optuna import OptunaSearch

        space = {
            "lr": FloatDistribution(1e-5, 1e-1, log=True),
            "1-beta1": FloatDistribution(0.01, 0.5, log=True),
            "1-beta2": FloatDistribution(1e-4, 0.1, log=True),
            "eps": FloatDistribution(1e-10, 1e-3, log=True),
        }
        default = {"lr": 1e-3, "1-beta1": 0.1, "1-beta2": 1e-3, "eps": 1e-8}
        self._search = OptunaSearch(
            space, points_to_evaluate=[default], metric="objective", mode="min", sampler=sampler
        )
        self._scheduler, self._left = scheduler, trials
        self._issued: dict[str, Assignment] = {}
        self._ended: list[tuple[Assignment, Outcome]] = []

    def suggest(self, trial_id: str) -> Any:
        if self._left == 0:
            return None
        self._left -= 1
        drawn = self._search.suggest(trial_id) or {}
        configuration = {"lr": drawn["lr"], "eps": drawn["eps"]}
        configuration |= {name: 1 - drawn[f"1-{name}"] for name in ("beta1", "beta2")}
        self._issued[trial_id] = Assignment("adam", Role.TRIAL, len(self._issued), configuration, 0)
        self._scheduler.on_trial_add(_NO_CONTROLLER, _trial(trial_id))
        return drawn

    def hear(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        """Return whether Ray's scheduler stops the trial."""
        if self._scheduler.on_trial_result(_NO_CONTROLLER, _trial(trial_id), dict(result)) == TrialScheduler.STOP:
            return True
        self._search.on_trial_result(trial_id, {**result, "training_iteration": result["epoch"]})
        return False

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._scheduler.on_trial_complete(_NO_CONTROLLER, _trial(trial_id), result or {})
        self._search.on_trial_complete(trial_id, result, error)
        told = result or {}
        status = Status(told.get("outcome/status", Status.PRUNED))
        self._ended.append((self._issued[trial_id], Outcome(status, told["epoch"], told["objective"])))

    def take_overtaken(self) -> set[str]:
        """Return none: a trial ends at its own results alone."""
        return set()

    def take_ended(self) -> list[tuple[Assignment, Outcome]]:
        """Return what has ended since the last call."""
        taken, self._ended = self._ended, []
        return taken

    def assignment(self, trial_id: str) -> Assignment:
        """What Tune's trial of that id runs."""
        return self._issued[trial_id]


_NO_CONTROLLER: Any = None


def _trial(trial_id: str) -> Any:
    """As much of Tune's trial as its schedulers read."""
    return SimpleNamespace(trial_id=trial_id)


def stock(curves: RecordedCurves, seed: int, asha: bool, trials: int = TRIALS) -> Found:
    """One search as Ray's documentation has it."""
    from cluster.ray.simulation import Clockwork

    scheduler: TrialScheduler = FIFOScheduler()
    if asha:
        scheduler = AsyncHyperBandScheduler(
            time_attr="epoch", metric="objective", mode="min", max_t=EPOCHS, grace_period=1, reduction_factor=3
        )
    rungs = [1, 3, 9, EPOCHS] if asha else [EPOCHS]
    searcher = StockSearcher(TPESampler(seed=seed), trials, scheduler)
    clockwork = Clockwork(
        searcher,
        lambda one, epoch: curves.value(one.hyperparameters, epoch),
        lambda _: rungs,
        lambda _: 1.0,
        0.0,
    )
    runs = clockwork.run(SLOTS, searcher.take_ended)
    return min(run.value for run in runs if run.status == "finished"), sum(run.epochs for run in runs)
