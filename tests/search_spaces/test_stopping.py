"""Which trials are stopped: as other implementations stop them, given the trials in the order of their numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from ray.tune.schedulers import AsyncHyperBandScheduler

from search_spaces.schema.sweep_file import Scheduler
from search_spaces.study.stopping import Hyperband, StoppingRule, stopping_rule

EVALUATIONS = 20
GENERATOR = np.random.default_rng(0)
CURVES = np.sort(GENERATOR.random((40, EVALUATIONS)), axis=1)[:, ::-1] + GENERATOR.random((40, 1))


def stopped_at(rule: StoppingRule, curves: np.ndarray = CURVES) -> list[int]:
    """The epoch after which each trial ends, one after the other."""
    seen: dict[int, dict[int, float]] = {epoch: {} for epoch in rule.epochs}
    ends = []
    for number, curve in enumerate(curves):
        values: dict[int, float] = {}
        for epoch in rule.epochs:
            values[epoch] = float(curve[epoch - 1])
            stops = rule.stops(number, epoch, values, dict(seen[epoch]))
            seen[epoch][number] = values[epoch]
            if stops:
                ends.append(epoch)
                break
        else:
            ends.append(EVALUATIONS)
    return ends


@pytest.mark.parametrize(
    ("kind", "epochs"),
    [("asha", [1, 3, 9]), ("hyperband", [1, 3, 9]), ("median", list(range(1, 20))), ("none", []), ("pbt", [])],
)
def test_decisions_fall_on_the_rungs(kind: Any, epochs: list[int]) -> None:
    assert stopping_rule(Scheduler(type=kind, grace=1, eta=3), EVALUATIONS).epochs == epochs


def test_halving_stops_what_rays_asha_stops() -> None:
    ray: Any = AsyncHyperBandScheduler(
        time_attr="epoch", metric="value", mode="min", max_t=EVALUATIONS, grace_period=1, reduction_factor=3
    )
    ends = []
    for number, curve in enumerate(CURVES):
        trial = SimpleNamespace(trial_id=str(number))
        ray.on_trial_add(None, trial)
        told = ({"epoch": epoch, "value": curve[epoch - 1]} for epoch in (1, 3, 9, EVALUATIONS))
        ends.append(next(one["epoch"] for one in told if ray.on_trial_result(None, trial, one) == "STOP"))
    assert stopped_at(stopping_rule(Scheduler(type="asha", grace=1, eta=3), EVALUATIONS)) == ends
    assert len(set(ends)) == 4, "the table has trials that end at every rung"


def test_the_median_stops_what_optunas_pruner_stops_where_every_trial_is_finished_first() -> None:
    """Optuna compares with finished trials alone; here those count too that were stopped later."""
    pruner, study = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0), optuna.create_study()
    rule = stopping_rule(Scheduler(type="median", grace=1), EVALUATIONS)
    for curve in CURVES[:10]:
        values = {epoch: float(curve[epoch - 1]) for epoch in range(1, EVALUATIONS + 1)}
        study.add_trial(optuna.trial.create_trial(value=values[EVALUATIONS], intermediate_values=values))
    for curve in CURVES[10:]:
        values = {}
        for epoch in rule.epochs:
            values[epoch] = float(curve[epoch - 1])
            asked = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, intermediate_values=dict(values))
            earlier = {number: float(CURVES[number, epoch - 1]) for number in range(10)}
            assert rule.stops(99, epoch, values, earlier) == pruner.prune(study, asked)


def test_each_bracket_of_hyperband_has_the_same_budget() -> None:
    rule = Hyperband(1, 3, 27)
    brackets = np.bincount([rule.bracket(number) for number in range(1000)])
    # A bracket that leaves out k rungs of 3 trains a trial (4 - k) units on average, each three times dearer.
    costs = [3**left_out * (4 - left_out) for left_out in range(4)]
    spent = brackets * costs
    assert len(brackets) == 4
    assert spent.max() / spent.min() < 1.1
    assert rule.bracket(0) == 0


def test_hyperband_stops_nothing_by_trials_of_another_bracket() -> None:
    rule = Hyperband(1, 3, EVALUATIONS)
    worst = dict.fromkeys(range(30), 0.0)
    for number in range(30, 60):
        own = rule.bracket(number)
        beside = {other: value for other, value in worst.items() if rule.bracket(other) != own}
        assert not any(rule.stops(number, epoch, {epoch: 1.0}, beside) for epoch in rule.epochs)
        assert [rule.stops(number, epoch, {epoch: 1.0}, worst) for epoch in rule.epochs] == [
            epoch >= 3**own for epoch in rule.epochs
        ]
