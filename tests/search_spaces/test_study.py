"""The study is the truth: what was told is there from outside, what was running is issued again, nothing runs twice."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from optimizers import InputError
from search_spaces import Sweep, parse_sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.sweep.growth import Growth, grown
from trainables.mlflow_contract import Status


def sweep(**overrides: object) -> Sweep:
    assignments = [f"{key}={json.dumps(value)}" for key, value in overrides.items()]
    text = """
name: small
workload: {name: mlp/digits, epochs: 9}
baseline: adam
arms: {adam: {optimizer: adam, space: [lr]}}
search: {trials: 6}
confirm: {top_k: 2, seeds: [1, 2]}
"""
    return parse_sweep(text, "small.yaml", assignments)


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "study.journal")


def reopened(journal: str, of: Sweep) -> ArmStudies:
    return ArmStudies(open_storage(journal), of, "adam")


def run_all(arm: ArmStudies, end: Callable[[Assignment], Outcome]) -> list[Assignment]:
    """Run one after the other until the arm wants nothing more."""
    ran = []
    while (assignment := arm.next()) is not None:
        ran.append(assignment)
        arm.hear(assignment, {}, end(assignment))
    assert arm.finished
    return ran


def by_learning_rate(assignment: Assignment) -> Outcome:
    return Outcome(Status.FINISHED, 9, abs(math.log10(assignment.hyperparameters["lr"]) + 2.5))


def test_the_search_comes_first_with_the_default_and_then_every_seed_of_the_best(journal: str) -> None:
    ran = run_all(reopened(journal, sweep()), by_learning_rate)
    search, confirm = ran[:6], ran[6:]
    assert search[0].hyperparameters == {"lr": 1e-3}
    assert {assignment.seed for assignment in search} == {0}
    assert len({assignment.hyperparameters["lr"] for assignment in search}) == 6
    best = sorted(search, key=lambda assignment: by_learning_rate(assignment).value)[:2]
    assert [(one.confirms, one.seed) for one in confirm] == [(one.number, seed) for one in best for seed in (1, 2)]
    assert [one.hyperparameters for one in confirm] == [one.hyperparameters for one in best for _ in (1, 2)]
    assert confirm[0].trial_id == "adam/confirm/0"


def test_outcomes_are_seen_from_outside_as_optuna_states(journal: str) -> None:
    ends = [Outcome(Status.FINISHED, 9, 0.5), Outcome(Status.PRUNED, 3, 0.9), Outcome(Status.DIVERGED, 1, 1e300)]
    arm = reopened(journal, sweep(**{"search.trials": 3, "scheduler": {"type": "asha", "grace": 1, "eta": 3}}))
    for end in ends:
        assignment = arm.next()
        assert assignment is not None
        arm.hear(assignment, {1: 0.7}) if end.status != "diverged" else None
        arm.hear(assignment, {}, end)
    outside = optuna.load_study(
        study_name="small/adam",
        storage=optuna.storages.JournalStorage(JournalFileBackend(journal)),
    )
    finished, pruned, diverged = outside.trials
    assert (finished.state, finished.value) == (TrialState.COMPLETE, 0.5)
    assert pruned.state == TrialState.PRUNED
    assert pruned.intermediate_values == {1: 0.7, 3: 0.9}
    assert diverged.state == TrialState.PRUNED
    assert math.isnan(diverged.intermediate_values[1])
    assert outside.best_trial.number == 0
    assert diverged.user_attrs["reason"] == "diverged"


@pytest.mark.parametrize("kind", [Status.FINISHED, Status.PRUNED])
def test_the_sampler_ranks_a_diverged_trial_below_every_other_at_its_step(journal: str, kind: Status) -> None:
    """With one region diverging and the other merely bad, TPE must draw from the bad one."""
    of = sweep(**{"search.trials": 100, "search.window": 1})
    arm = reopened(journal, of)

    def end(assignment: Assignment) -> Outcome:
        return Outcome(Status.DIVERGED, 3, 1e300) if assignment.hyperparameters["lr"] > 1e-3 else Outcome(kind, 3, 5.0)

    late = []
    for number in range(100):
        assignment = arm.next()
        assert assignment is not None
        late += [assignment] if number >= 50 else []
        arm.hear(assignment, {}, end(assignment))
    assert sum(assignment.hyperparameters["lr"] > 1e-3 for assignment in late) <= 10


def test_what_was_running_is_issued_again_with_its_number_and_nothing_twice(journal: str) -> None:
    first = reopened(journal, sweep())
    one, two = first.next(), first.next()
    assert one is not None
    assert two is not None
    first.hear(two, {1: 0.4})
    first.hear(one, {}, by_learning_rate(one))
    second = reopened(journal, sweep())
    ran = run_all(second, by_learning_rate)
    assert ran[0] == two
    numbers = [assignment.number for assignment in ran if assignment.role == "trial"]
    assert sorted([one.number, *numbers]) == list(range(6))
    drawn = [one, *ran]
    assert len({assignment.hyperparameters["lr"] for assignment in drawn if assignment.role == "trial"}) == 6


def test_a_study_reopened_after_every_single_step_holds_exactly_the_asked_runs(journal: str) -> None:
    ran = []
    while True:
        arm = reopened(journal, sweep())
        assignment = arm.next()
        if assignment is None:
            break
        ran.append(assignment.trial_id)
        arm.hear(assignment, {}, by_learning_rate(assignment))
    assert ran == [*(f"adam/{number}" for number in range(6)), *(f"adam/confirm/{number}" for number in range(4))]


def test_a_trial_is_not_drawn_before_those_up_to_its_window_have_ended(journal: str) -> None:
    arm = reopened(journal, sweep(**{"search.window": 2}))
    one, two = arm.next(), arm.next()
    assert one is not None
    assert two is not None
    assert arm.next() is None
    arm.hear(two, {}, by_learning_rate(two))
    assert arm.next() is None, "the first of the window still runs"
    arm.hear(one, {}, by_learning_rate(one))
    assert arm.next() is not None


def test_failed_trials_are_replaced_until_the_arm_gives_up(journal: str) -> None:
    def fail_three_times(assignment: Assignment) -> Outcome:
        out_of_memory = Outcome(Status.FAILED, 0, 0.0, "out of memory")
        return out_of_memory if assignment.number < 3 else by_learning_rate(assignment)

    replaced = run_all(reopened(journal, sweep()), fail_three_times)
    assert [assignment.number for assignment in replaced if assignment.role == "trial"] == list(range(9))

    hopeless = reopened(journal + "2", sweep())
    assert len(run_all(hopeless, lambda _: Outcome(Status.FAILED, 0, 0.0, "out of memory"))) == 4
    assert hopeless.search.gave_up == "4 trials failed, the last with: out of memory"
    mended = run_all(reopened(journal + "2", sweep()), by_learning_rate)
    assert len([assignment for assignment in mended if assignment.role == "trial"]) == 6


def test_a_space_with_few_configurations_ends_early_and_says_so(journal: str) -> None:
    of = parse_sweep(
        "{name: tiny, workload: {name: mlp/digits}, baseline: adam, search: {trials: 5}, confirm: {seeds: [1]},"
        " arms: {adam: {optimizer: adam, parameters: {lr: {values: [0.1, 0.01]}}}}}"
    )
    arm = reopened(journal, of)
    ran = run_all(arm, by_learning_rate)
    assert sorted(one.hyperparameters["lr"] for one in ran if one.role == "trial") == [0.01, 0.1]
    assert arm.search.gave_up == "its space holds no further configuration"
    assert "duplicate" not in arm.search.trials()[-1].user_attrs, "nothing is drawn once everything was tried"
    assert run_all(reopened(journal, of), by_learning_rate) == []


def test_an_arm_without_anything_to_search_runs_once_and_is_confirmed(journal: str) -> None:
    of = sweep(**{"arms.adam": {"optimizer": "adam", "parameters": {"lr": {"value": 0.01}}}})
    ran = []
    for _ in range(5):
        arm = reopened(journal, of)
        assignment = arm.next()
        if assignment is not None:
            ran.append(assignment)
            arm.hear(assignment, {}, by_learning_rate(assignment))
    assert [one.trial_id for one in ran] == ["adam/0", "adam/confirm/0", "adam/confirm/1"]


def test_half_a_line_at_the_journals_end_is_dropped_and_the_rest_is_read(journal: str) -> None:
    first = reopened(journal, sweep())
    one = first.next()
    assert one is not None
    first.hear(one, {}, by_learning_rate(one))
    with Path(journal).open("a") as file:
        file.write('{"op_code": 5, "worker_id": "half')
    ran = run_all(reopened(journal, sweep()), by_learning_rate)
    assert len(ran) == 5 + 4


def test_a_damaged_journal_is_named(journal: str) -> None:
    reopened(journal, sweep())
    whole = Path(journal).read_text()
    for content in (
        "no journal, and not to be cut at its end",
        whole.replace('"op_code"', "op_code", 3)[9:],
        "{\n" + whole,
    ):
        Path(journal).write_text(content)
        with pytest.raises(InputError, match=r"study\.journal: this study journal is damaged"):
            open_storage(journal)
        assert Path(journal).read_text() == content


def test_a_journal_damaged_in_the_middle_is_named(journal: str) -> None:
    reopened(journal, sweep()).next()
    first, second, *rest = Path(journal).read_text().splitlines(keepends=True)
    Path(journal).write_text("".join([first, second[:-9] + "\n", *rest]))
    with pytest.raises(InputError, match=r"study\.journal: this study journal is damaged"):
        open_storage(journal)


def test_a_lock_left_by_a_killed_driver_does_not_stop_the_next(journal: str) -> None:
    reopened(journal, sweep())
    Path(journal + ".lock").symlink_to(journal)
    assert reopened(journal, sweep()).next() is not None


def test_a_database_that_does_not_answer_is_named() -> None:
    with pytest.raises(InputError, match=r"postgresql://.*: the study storage cannot be opened"):
        open_storage("postgresql://nobody@127.0.0.1:9/nothing")


def test_sqlite_holds_a_study_as_well(tmp_path: Path) -> None:
    arm = reopened(f"sqlite:///{tmp_path / 'study.db'}", sweep())
    assert len(run_all(arm, by_learning_rate)) == 10


def test_a_sweep_that_gets_more_trials_confirms_what_is_best_then(journal: str) -> None:
    of = sweep()
    before = run_all(reopened(journal, of), by_learning_rate)
    more = run_all(reopened(journal, grown(of, Growth(trials=30))), by_learning_rate)
    search = [one for one in (*before, *more) if one.role == "trial"]
    assert [one.number for one in search] == list(range(36))
    best = sorted(search, key=lambda assignment: by_learning_rate(assignment).value)[:2]
    confirmed = {one.confirms for one in (*before, *more) if one.role == "confirm"}
    assert {one.number for one in best} <= confirmed
    again = [one for one in more if one.role == "confirm"]
    assert all(one.confirms not in {old.confirms for old in before} for one in again), "no pair is run twice"


def test_given_configurations_come_right_after_the_default(journal: str) -> None:
    of = sweep(**{"arms.adam.space": [], "arms.adam.start": [{"lr": 0.02, "beta1": 0.5}, {"eps": 1e-6}]})
    ran = run_all(reopened(journal, of), by_learning_rate)
    tried = [one.hyperparameters for one in ran[:3]]
    assert tried[0]["lr"] == pytest.approx(1e-3)
    assert (tried[1]["lr"], tried[1]["beta1"]) == (pytest.approx(0.02), pytest.approx(0.5))
    assert tried[1]["beta2"] == tried[2]["beta2"] == pytest.approx(0.999)
    assert tried[2]["eps"] == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"lrr": 0.1}, r'arms.adam.start.0.lrr: this arm searches over no "lrr".*Did you mean "lr"'),
        ({"lr": 7}, r"arms.adam.start.0.lr: 7 is not among what the parameter may be"),
    ],
)
def test_a_given_configuration_outside_the_space_is_named(start: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sweep(**{"arms.adam.start": [start]})


def test_a_bound_that_leaves_nothing_costs_no_trial(journal: str) -> None:
    """Its corners are sound: only inside the range of beta1 does beta1 (1 - beta1) pass 0.2."""
    parameters = {
        "beta1": {"distribution": "uniform", "min": 0.0, "max": 0.99},
        "eps": {"distribution": "uniform", "min": "beta1 * (1 - beta1)", "max": 0.2},
    }
    of = sweep(**{"arms.adam": {"optimizer": "adam", "parameters": parameters}, "search.trials": 12})
    ran = run_all(reopened(journal, of), lambda one: Outcome(Status.FINISHED, 9, one.hyperparameters["eps"]))
    search = [one.hyperparameters for one in ran if one.role == "trial"]
    assert len(search) == 12
    assert all(one["beta1"] * (1 - one["beta1"]) <= one["eps"] <= 0.2 for one in search)


def test_a_bound_that_meets_the_other_is_a_point() -> None:
    parameters = {"eps": {"distribution": "log_uniform", "min": "lr", "max": 1e-3}}
    of = sweep(**{"arms.adam": {"optimizer": "adam", "parameters": parameters}})
    assert of.arms["adam"].space.default() == {"eps": 1e-3}
