"""ASHA per arm stands after a resume exactly where it stood, and confirmations are never stopped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from cluster.schedulers import SweepScheduler, arm_scheduler, decision_epochs
from search_spaces import Sweep, load_sweep
from search_spaces.study import Assignment


def sweep() -> Sweep:
    return load_sweep("quickstart", ["scheduler={type: asha, grace: 1, eta: 3}", "workload.epochs=20"])


def scheduler(assignments: dict[str, Assignment]) -> SweepScheduler:
    of = sweep()
    return SweepScheduler({arm: arm_scheduler(of, 20) for arm in of.arms}, assignments.__getitem__, lambda: 2)


def rungs(of: SweepScheduler, arm: str) -> list[tuple[int, dict[str, float]]]:
    asha: Any = of._arms[arm]
    return asha._brackets[0]._rungs


def test_decisions_fall_on_the_rungs_of_asha_and_on_the_end() -> None:
    assert decision_epochs(sweep(), 20) == [1, 3, 9, 20]
    assert [epoch for epoch, _ in rungs(scheduler({}), "adam")][::-1] == [1, 3, 9]
    assert decision_epochs(load_sweep("quickstart", ["scheduler={type: none}"]), 20) == [20]


def test_replayed_rungs_equal_those_that_grew_live() -> None:
    generator = np.random.default_rng(0)
    assignments = {f"adam/{number}": Assignment("adam", "trial", number, {}, 0) for number in range(30)}
    live, replayed = scheduler(assignments), scheduler(assignments)
    history: list[tuple[str, list[tuple[int, float]]]] = []
    for identity in assignments:
        trial: Any = SimpleNamespace(trial_id=identity)
        controller: Any = None
        live.on_trial_add(controller, trial)
        told: list[tuple[int, float]] = []
        for epoch in (1, 3, 9):
            told.append((epoch, float(generator.random())))
            decision = live.on_trial_result(controller, trial, {"epoch": epoch, "objective": told[-1][1]})
            if decision == "STOP":
                break
        live.on_trial_complete(controller, trial, {"epoch": told[-1][0], "objective": told[-1][1]})
        history.append((identity, told))
    replayed.replay("adam", history)
    assert rungs(replayed, "adam") == rungs(live, "adam")
    assert len(rungs(live, "adam")[-1][1]) == 30
    assert len(rungs(live, "adam")[0][1]) < 15


def test_a_confirmation_is_never_stopped_and_arms_do_not_mix() -> None:
    assignments = {str(n): Assignment("adam", "trial", n, {}, 0) for n in range(9)}
    assignments["other"] = Assignment("scheduled", "trial", 0, {}, 0)
    assignments["confirm"] = Assignment("adam", "confirm", 0, {}, 1, 3)
    of = scheduler(assignments)
    controller: Any = None
    decisions = {}
    for identity in assignments:
        trial: Any = SimpleNamespace(trial_id=identity)
        of.on_trial_add(controller, trial)
        worse_and_worse = {"epoch": 1, "objective": 9.0 if identity in ("other", "confirm") else float(identity)}
        decisions[identity] = of.on_trial_result(controller, trial, worse_and_worse)
    assert decisions["8"] == "STOP"
    assert decisions["other"] == decisions["confirm"] == "CONTINUE"


def test_a_trial_that_tells_a_decision_again_after_a_resume_stands_in_its_rungs_once() -> None:
    assignments = {"new-id": Assignment("adam", "trial", 3, {}, 0)}
    resumed = scheduler(assignments)
    resumed.replay("adam", [(f"adam/{number}", [(1, 0.1 * number), (3, 0.1 * number)]) for number in range(4)])
    before = [(epoch, dict(recorded)) for epoch, recorded in rungs(resumed, "adam")]
    controller: Any = None
    trial: Any = SimpleNamespace(trial_id="new-id")
    resumed.on_trial_add(controller, trial)
    assert resumed.on_trial_result(controller, trial, {"epoch": 3, "objective": 0.3}) == "CONTINUE"
    assert rungs(resumed, "adam") == before
    resumed.on_trial_result(controller, trial, {"epoch": 9, "objective": 0.2})
    assert rungs(resumed, "adam")[0] == (9, {"adam/3": -0.2})
