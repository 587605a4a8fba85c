"""ASHA per arm stands after a resume exactly where it stood, and confirmations are never stopped."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest

from cluster.ray.schedulers import SweepScheduler, arm_scheduler, decision_epochs
from search_spaces import Sweep, load_sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.study import Assignment, Outcome
from trainables.mlflow_contract import Role, Status

STUDY = optuna.create_study()
TRIAL = Assignment("adam", Role.TRIAL, 0, {}, 0)


def sweep() -> Sweep:
    return load_sweep("quickstart", ["scheduler={type: asha, grace: 1, eta: 3}", "workload.epochs=20"])


def scheduler(assignments: dict[str, Assignment]) -> SweepScheduler:
    of = sweep()
    return SweepScheduler({arm: arm_scheduler(of, 20, STUDY) for arm in of.arms}, assignments.__getitem__, lambda: 2)


def rungs(of: SweepScheduler, arm: str) -> list[tuple[int, dict[str, float]]]:
    asha: Any = of._arms[arm]
    return asha._brackets[0]._rungs


def test_decisions_fall_on_the_rungs_of_asha_and_on_the_end() -> None:
    assert decision_epochs(sweep(), 20, TRIAL) == [1, 3, 9, 20]
    assert [epoch for epoch, _ in rungs(scheduler({}), "adam")][::-1] == [1, 3, 9]
    assert decision_epochs(load_sweep("quickstart", ["scheduler={type: none}"]), 20, TRIAL) == [20]


def test_replayed_rungs_equal_those_that_grew_live() -> None:
    generator = np.random.default_rng(0)
    assignments = {f"adam/{number}": Assignment("adam", Role.TRIAL, number, {}, 0) for number in range(30)}
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
    assignments = {str(n): Assignment("adam", Role.TRIAL, n, {}, 0) for n in range(9)}
    assignments["other"] = Assignment("scheduled", Role.TRIAL, 0, {}, 0)
    assignments["confirm"] = Assignment("adam", Role.CONFIRM, 0, {}, 1, 3)
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
    assignments = {"new-id": Assignment("adam", Role.TRIAL, 3, {}, 0)}
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


@pytest.mark.parametrize(("kind", "decisions"), [("median", list(range(1, 21))), ("hyperband", [1, 3, 9, 20])])
def test_a_scheduler_of_the_study_stops_the_worst_and_knows_as_much_after_a_resume(
    kind: str, decisions: list[int], tmp_path: Path
) -> None:
    of = load_sweep("quickstart", [f"scheduler={{type: {kind}, grace: 1, eta: 3}}", "workload.epochs=20"])
    assert decision_epochs(of, 20, TRIAL) == decisions

    def run(numbers: range) -> dict[int, int]:
        """One driver's trials, each as good as its number says; the epoch at which each ended."""
        arm = ArmStudies(open_storage(str(tmp_path / "study.journal")), of, "adam")
        scheduler, ended = arm_scheduler(of, 20, arm.search.study), {}
        controller: Any = None
        for _ in numbers:
            assignment = arm.search.ask()
            assert assignment is not None
            trial: Any = SimpleNamespace(trial_id=assignment.trial_id)
            value = ((assignment.number * 7) % 12) / 10
            for epoch in decisions:
                if epoch == 20:
                    arm.search.tell(assignment.number, Outcome(Status.FINISHED, epoch, value))
                elif scheduler.on_trial_result(controller, trial, {"epoch": epoch, "objective": value}) == "STOP":
                    arm.search.tell(assignment.number, Outcome(Status.PRUNED, epoch, value))
                else:
                    arm.search.report(assignment.number, epoch, value)
                    continue
                ended[assignment.number] = epoch
                break
        return ended

    ended = {**run(range(8)), **run(range(8))}
    assert len(ended) == 16
    stopped = [number for number, epoch in ended.items() if epoch < 20]
    assert stopped
    assert min(((number * 7) % 12) for number in stopped) >= 2, "the best are never stopped"
    if kind == "median":
        assert [number for number in stopped if number >= 8], "it knows the trials of the driver before"
