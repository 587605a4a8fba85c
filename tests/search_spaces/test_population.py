"""Population-based training as a study: generations, exchanges, schedules that grow along a line, and resumes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cluster.ray.simulation import simulate
from optimizers import InputError
from search_spaces import Sweep, parse_sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.population import PopulationStudy
from search_spaces.study.study import SearchStudy
from trainables.mlflow_contract import Status

SWEEP = """
name: population
workload: {name: mlp/digits, epochs: 8}
baseline: adam
arms:
  adam: {optimizer: adam}
  found: {optimizer: moment_adam}
search: {trials: 6, seed: 3}
scheduler: {type: pbt, grace: 2, eta: 3}
confirm: {seeds: [1]}
"""


def sweep(**overrides: Any) -> Sweep:
    return parse_sweep(SWEEP, "population.yaml", [f"{key}={json.dumps(value)}" for key, value in overrides.items()])


def study(path: Path, of: Sweep) -> PopulationStudy:
    found = ArmStudies(open_storage(str(path)), of, "found").search
    assert isinstance(found, PopulationStudy)
    return found


def loss(one: Assignment) -> float:
    """Better with a smaller beta1 at the end."""
    schedule = one.hyperparameters.get("beta1_schedule")
    return schedule["values"][-1] if schedule else one.hyperparameters["beta1"]


def run(of: Sweep, path: Path, stop_after: int = 10_000) -> list[Assignment]:
    search, ran = study(path, of), []
    while len(ran) < stop_after and (assignment := search.ask()) is not None:
        ran.append(assignment)
        assert assignment.until is not None
        search.hear(assignment.number, {}, Outcome(Status.FINISHED, assignment.until, loss(assignment)))
    return ran


def test_every_member_runs_its_generations_one_after_the_other(tmp_path: Path) -> None:
    ran = run(sweep(), tmp_path / "study.journal")
    assert len(ran) == 6 * 4
    assert [(one.since, one.until) for one in ran] == [
        span for span in ((0, 2), (2, 4), (4, 6), (6, 8)) for _ in range(6)
    ]
    assert ran[0].hyperparameters == {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    assert len({one.hyperparameters["lr"] for one in ran[:6]}) == 6
    by_id = {one.trial_id: one for one in ran}
    for one in ran[6:]:
        assert one.parent is not None
        parent = by_id[one.parent]
        assert parent.until == one.since
        assert {name: one.hyperparameters[name] for name in ("lr", "eps", "beta1", "beta2")} == {
            name: parent.hyperparameters[name] for name in ("lr", "eps", "beta1", "beta2")
        }, "what cannot change in time is that of the line's first run"


def test_the_worst_go_on_from_the_best_with_settings_moved_a_little(tmp_path: Path) -> None:
    ran = run(sweep(), tmp_path / "study.journal")
    first, second = ran[:6], ran[6:12]
    ranked = sorted(first, key=loss)
    worst, best = {one.number for one in ranked[-2:]}, {one.trial_id for one in ranked[:2]}
    for one in second:
        own = first[one.number - 6]
        if own.number in worst:
            assert one.parent in best
            schedule = one.hyperparameters["beta1_schedule"]
            assert (schedule["kind"], schedule["unit"], schedule["milestones"]) == ("piecewise", "epoch", [3])
            assert 0.5 <= schedule["values"][0] <= 0.99
        else:
            assert one.parent == own.trial_id
            assert one.hyperparameters == own.hyperparameters


def test_the_best_of_the_last_generation_is_confirmed_as_it_stands(tmp_path: Path) -> None:
    of = sweep(**{"search.trials": 4})
    path = tmp_path / "study.journal"
    ran = run(of, path)
    arm = ArmStudies(open_storage(str(path)), of, "found")
    confirmed = arm.next()
    assert confirmed is not None
    last = [one for one in ran if one.until == 8]
    assert confirmed.confirms == min(last, key=loss).number
    assert confirmed.hyperparameters == min(last, key=loss).hyperparameters
    assert (confirmed.parent, confirmed.since, confirmed.until) == (None, 0, None)


def test_a_resume_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole = run(sweep(), tmp_path / "whole.journal")
    parts = [run(sweep(), tmp_path / "parts.journal", stop_after=count) for count in (1, 8, 100)]
    assert [one for part in parts for one in part] == whole


def test_what_diverged_is_replaced_and_a_generation_waits_for_its_last_member(tmp_path: Path) -> None:
    search = study(tmp_path / "study.journal", sweep(**{"search.trials": 3}))
    members = [search.ask() for _ in range(3)]
    assert search.ask() is None
    for one in members[:2]:
        assert one is not None
        search.hear(one.number, {}, Outcome(Status.DIVERGED, 1, 1e300))
    assert search.ask() is None
    assert members[2] is not None
    search.hear(members[2].number, {}, Outcome(Status.FINISHED, 2, 0.5))
    second = [search.ask() for _ in range(3)]
    assert {one.parent for one in second if one is not None} == {"found/2"}
    assert search.obsolete(members[2]) == []


def test_an_arm_without_anything_to_schedule_is_searched_as_usual(tmp_path: Path) -> None:
    of = sweep()
    assert type(ArmStudies(open_storage(str(tmp_path / "study.journal")), of, "adam").search) is SearchStudy
    runs = simulate(of, lambda one, epoch: math.log(one.hyperparameters["lr"]) ** 2, slots=2)
    epochs = {arm: sum(run.epochs for run in runs if run.assignment.arm == arm) for arm in of.arms}
    assert epochs == {"adam": 6 * 8 + 8, "found": 6 * 8 + 8}, "every arm gets the same number of steps"


def test_steps_of_a_budget_in_steps_are_counted(tmp_path: Path) -> None:
    of = sweep(**{"workload": {"name": "mlp/digits", "steps": 400, "evaluate_every": 50}})
    schedules = [one.hyperparameters.get("beta1_schedule") for one in run(of, tmp_path / "study.journal")]
    found = [schedule for schedule in schedules if schedule]
    assert {schedule["unit"] for schedule in found} == {"step"}
    assert {milestone for schedule in found for milestone in schedule["milestones"]} <= {101, 201, 301}


def test_pbt_without_anything_to_schedule_is_refused() -> None:
    with pytest.raises(InputError, match=r"scheduler.type: pbt discovers schedules, and no arm has a coefficient"):
        sweep(**{"arms": {"adam": {"optimizer": "adam"}}})
    searched = {"optimizer": "moment_adam", "space": ["lr", "adam", "beta_schedules"]}
    with pytest.raises(InputError, match=r"no arm has a coefficient with a range and without a schedule"):
        sweep(**{"arms": {"adam": searched}})


CONDITIONAL = {
    "mix": {"values": ["add", "convex"]},
    "beta3": {"distribution": "one_minus_log_uniform", "min": 0.9, "max": 0.999, "when": {"mix": "convex"}},
    "alpha": {"distribution": "uniform", "min": 0.1, "max": 1, "when": {"mix": "convex"}},
}


def test_a_coefficient_may_be_conditional(tmp_path: Path) -> None:
    of = sweep(**{"arms.found": {"optimizer": "moment_adam", "parameters": CONDITIONAL}})
    search = study(tmp_path / "study.journal", of)
    while (assignment := search.ask()) is not None:
        schedule = assignment.hyperparameters.get("alpha_schedule")
        assert schedule is None or assignment.hyperparameters["mix"] == "convex"
        assert assignment.until is not None
        search.hear(assignment.number, {}, Outcome(Status.FINISHED, assignment.until, assignment.number % 5))
    assert len(search.trials()) == 24


@pytest.mark.parametrize("diverged", [3, 5, 6])
def test_nobody_goes_on_from_what_diverged(diverged: int, tmp_path: Path) -> None:
    of = sweep(**{"scheduler.eta": 2})
    search = study(tmp_path / "study.journal", of)
    first = [search.ask() for _ in range(6)]
    dead = set()
    for index, one in enumerate(first):
        assert one is not None
        ended = Outcome(Status.DIVERGED, 1, 1e300) if index < diverged else Outcome(Status.FINISHED, 2, float(index))
        dead |= {one.trial_id} if ended.status == "diverged" else set()
        search.hear(one.number, {}, ended)
    second = [search.ask() for _ in range(6)]
    if diverged == 6:
        assert second == [None] * 6
        assert search.gave_up == "every member of a generation diverged"
    else:
        assert {one.parent for one in second if one is not None}.isdisjoint(dead)
        assert None not in second
