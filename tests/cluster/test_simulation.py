"""The simulated backend: searcher, studies and schedulers of a real sweep, on recorded curves, at their full size."""

from __future__ import annotations

import json
import time
from collections import Counter
from statistics import median
from typing import Any

import psutil
import pytest
from optuna.storages import InMemoryStorage

from benchmarks.recorded_curves import DIGITS, RecordedCurves, sweep_of_the_table
from benchmarks.search_quality import ASHA, ours, stock
from cluster.ray.simulation import Ended, simulate
from search_spaces import Sweep, arm_space
from search_spaces.study.searcher import SweepSearcher


@pytest.fixture(scope="module")
def curves() -> RecordedCurves:
    return RecordedCurves(DIGITS, arm_space(sweep_of_the_table().arms["adam"]).parameters)


def sweep(**overrides: Any) -> Sweep:
    return sweep_of_the_table(**overrides)


def run(of: Sweep, curves: RecordedCurves, **options: Any) -> list[Ended]:
    return simulate(of, lambda one, epoch: curves.value(one.hyperparameters, epoch), **options)


def test_the_recorded_table_is_of_real_curves(curves: RecordedCurves) -> None:
    assert curves.curves.shape == (300, 27)
    finished = curves.curves[:, -1]
    assert finished.min() < 0.2, "a tuned Adam on the digits"
    assert (curves.curves[:, 0] > 1).mean() > 0.2, "and many that are badly set"
    configuration = sweep().arms["adam"].space.default()
    assert curves.value(configuration, 27) < curves.value(configuration, 1)


@pytest.mark.parametrize(("scheduler", "most"), [({"type": "none"}, 27 * 48), (ASHA, 27 * 48 / 3)])
def test_tpe_finds_more_than_random_draws_and_asha_takes_a_third_of_the_steps(
    scheduler: dict[str, Any], most: float, curves: RecordedCurves
) -> None:
    tpe = [ours(curves, seed, "tpe", scheduler) for seed in range(10)]
    drawn = [ours(curves, seed, "random", scheduler) for seed in range(10)]
    assert median(best for best, _ in tpe) <= median(best for best, _ in drawn)
    assert median(epochs for _, epochs in tpe) <= most


def test_rays_own_searcher_runs_in_the_same_clockwork(curves: RecordedCurves) -> None:
    best, epochs = stock(curves, seed=0, asha=True)
    assert best < 0.3
    assert 48 <= epochs <= 27 * 48


@pytest.mark.alone
def test_a_thousand_trials_sixteen_at_a_time(curves: RecordedCurves, monkeypatch: pytest.MonkeyPatch) -> None:
    """No suggestion is slow, no place is ever empty, memory does not grow, and a resume repeats nothing."""
    seconds: list[float] = []
    suggest = SweepSearcher.suggest

    def timed(self: SweepSearcher, trial_id: str) -> Any:
        started = time.perf_counter()
        try:
            return suggest(self, trial_id)
        finally:
            seconds.append(time.perf_counter() - started)

    monkeypatch.setattr(SweepSearcher, "suggest", timed)
    of, storage = sweep(search__trials=1000, scheduler=ASHA), InMemoryStorage()
    first = run(of, curves, slots=16, storage=storage, stop_after=500)
    resident = psutil.Process().memory_info().rss
    rest = run(of, curves, slots=16, storage=storage)
    assert psutil.Process().memory_info().rss - resident < 100e6
    assert sorted(seconds)[int(0.99 * len(seconds))] < 0.1
    trials = [run for run in (*first, *rest) if run.assignment.role == "trial"]
    assert sorted(one.assignment.number for one in trials) == list(range(1000))
    keys = Counter(json.dumps(one.assignment.hyperparameters, sort_keys=True) for one in trials)
    assert keys.most_common(1)[0][1] == 1, "no configuration twice"
    # All sixteen places are busy until the search runs out of trials, the last of which take 27 epochs at most.
    searched = [one for one in rest if one.assignment.role == "trial"]
    assert sum(one.epochs for one in searched) >= 16 * (max(one.at for one in searched) - 27)
