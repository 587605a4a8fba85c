"""Confirmations lie in the arm's search study as attributes: durable, each pair once, and no study of their own."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest

from search_spaces import Sweep, parse_sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome
from trainables.mlflow_contract import Status

FORMER = Path(__file__).parent / "data" / "study_of_confirmations.journal"
PAIRS = [(3, 1), (3, 2), (3, 3), (1, 1), (1, 2), (1, 3)]


def sweep(trials: int = 6) -> Sweep:
    return parse_sweep(
        f"""
name: small
workload: {{name: mlp/digits, epochs: 9}}
baseline: adam
arms: {{adam: {{optimizer: adam, space: [lr]}}}}
search: {{trials: {trials}}}
confirm: {{top_k: 2, seeds: [1, 2, 3]}}
""",
        "small.yaml",
    )


@pytest.fixture(params=["journal", "sqlite"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "study.journal") if request.param == "journal" else f"sqlite:///{tmp_path / 'study.db'}"


def reopened(location: str, of: Sweep | None = None) -> ArmStudies:
    return ArmStudies(open_storage(location), of or sweep(), "adam")


def finish(assignment: Assignment) -> Outcome:
    return Outcome(Status.FINISHED, 9, abs(math.log10(assignment.hyperparameters["lr"]) + 2.5))


def issued(arm: ArmStudies, end: Callable[[Assignment], Outcome] = finish) -> Iterator[Assignment]:
    """Every assignment up to the arm's end, each told when the next is asked for."""
    while (assignment := arm.next()) is not None:
        yield assignment
        arm.hear(assignment, {}, end(assignment))


def confirmed(arm: ArmStudies) -> dict[int, tuple[int | None, int, Outcome]]:
    """By number: configuration, seed, and how it ended."""
    runs = [(run, outcome) for run, outcome in arm.ended() if run.role == "confirm"]
    return {run.number: (run.confirms, run.seed, outcome) for run, outcome in runs}


def test_the_storage_holds_one_study_an_arm_with_a_readable_entry_for_each_confirmation(location: str) -> None:
    ran = list(issued(reopened(location)))
    assert [run.trial_id for run in ran[6:]] == [f"adam/confirm/{number}" for number in range(6)]
    storage = open_storage(location)
    assert optuna.get_all_study_names(storage) == ["small/adam"]
    kept = optuna.load_study(study_name="small/adam", storage=storage)
    assert kept.user_attrs.keys() == {f"confirm/{number}" for number in range(6)}
    of, value = ran[6].confirms, finish(ran[6]).value
    first = {"configuration": of, "seed": 1, "status": "finished", "epoch": 9, "value": value, "reason": ""}
    assert kept.user_attrs["confirm/0"] == first
    assert len(kept.trials) == 6


def test_a_confirmation_is_written_down_before_it_is_issued(location: str) -> None:
    first = reopened(location)
    last = next(run for run in issued(first) if run.role == "confirm")
    study = optuna.load_study(study_name="small/adam", storage=open_storage(location))
    assert study.user_attrs["confirm/0"] == {"configuration": last.confirms, "seed": 1, "status": "running"}
    assert reopened(location).next() == last


def test_every_end_is_read_back_as_it_was_told(location: str) -> None:
    ends = {
        0: Outcome(Status.FINISHED, 9, 0.25),
        1: Outcome(Status.DIVERGED, 2, 1e300),
        2: Outcome(Status.DIVERGED, 1, math.inf),
        3: Outcome(Status.FAILED, 0, 0.0, "out of memory"),
    }
    arm = reopened(location)

    def end(run: Assignment) -> Outcome:
        return ends.get(run.number, finish(run)) if run.role == "confirm" else finish(run)

    list(issued(arm, end))
    read = {number: outcome for number, (_, _, outcome) in confirmed(reopened(location)).items()}
    assert {number: read[number] for number in ends} == ends
    assert read == {number: outcome for number, (_, _, outcome) in confirmed(arm).items()}


def test_a_pair_that_failed_is_run_once_more_after_the_others_also_by_the_next_driver(location: str) -> None:
    def end(run: Assignment) -> Outcome:
        fails = run.role == "confirm" and run.seed == 2
        return Outcome(Status.FAILED, 0, 0.0, "out of memory") if fails else finish(run)

    run = next(run for run in issued(reopened(location), end) if run.trial_id == "adam/confirm/4")
    ran = list(issued(reopened(location), end))
    assert ran[0] == run
    assert [run.seed for run in ran] == [2, 3, 2, 2], "the last pairs, and then what failed, once more"
    assert len({run.number for run in ran}) == 4
    assert reopened(location).next() is None


def test_more_trials_confirm_what_is_best_then_and_no_pair_twice(location: str) -> None:
    before = [run for run in issued(reopened(location)) if run.role == "confirm"]
    arm = reopened(location, sweep(trials=36))
    assert arm.left() == {"trial": 30, "confirm": 0}, "as far as is known, the best stay the best"
    after = [run for run in issued(arm) if run.role == "confirm"]
    assert after, "thirty more trials find a better one"
    pairs = [(run.confirms, run.seed) for run in (*before, *after)]
    assert len(pairs) == len(set(pairs))
    assert set(arm.search.best(2)) <= {run.confirms for run in (*before, *after)}
    assert [run.number for run in after] == list(range(6, 6 + len(after)))


def test_what_is_left_goes_down_to_zero_by_one_for_each_run_that_counts(location: str) -> None:
    def end(run: Assignment) -> Outcome:
        return Outcome(Status.FAILED, 0, 0.0, "lost") if run.trial_id in ("adam/2", "adam/confirm/1") else finish(run)

    arm = reopened(location)
    left = [sum(arm.left().values())]
    while (run := arm.next()) is not None:
        arm.hear(run, {}, end(run))
        left.append(sum(arm.left().values()))
    assert left == [12, 11, 10, 10, 9, 8, 7, 6, 5, 5, 4, 3, 2, 1, 0]


def test_a_search_that_ends_early_leaves_only_what_it_can_confirm(tmp_path: Path) -> None:
    arm = reopened(str(tmp_path / "study.journal"))
    ran = [*issued(arm, lambda run: Outcome(Status.DIVERGED, 1, math.inf))]
    assert len(ran) == 6
    assert arm.left() == {"trial": 0, "confirm": 0}


def test_a_driver_killed_at_any_line_of_the_journal_issues_each_confirmation_once(tmp_path: Path) -> None:
    location = tmp_path / "study.journal"
    list(issued(reopened(str(location))))
    lines = location.read_text().splitlines(keepends=True)
    begun = next(number for number, line in enumerate(lines) if "confirm/0" in line)
    for kept in range(begun, len(lines) + 1):
        location.write_text("".join(lines[:kept]))
        ran = Counter(run.trial_id for run in issued(reopened(str(location))))
        assert set(ran.values()) <= {1}
        ended = confirmed(reopened(str(location)))
        assert sorted(ended) == list(range(6))
        assert len({(configuration, seed) for configuration, seed, _ in ended.values()}) == 6


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """The journal of a version that had a study for confirmations: three ended, one failed, two ran, one was queued."""
    return Path(shutil.copy(FORMER, tmp_path / "study.journal"))


def test_the_study_of_a_former_version_is_read_and_gone_on_with(former: Path) -> None:
    ended = {
        0: (3, 1, Outcome(Status.FINISHED, 9, 0.25)),
        1: (3, 2, Outcome(Status.FAILED, 0, math.nan, "out of memory")),
        2: (3, 3, Outcome(Status.DIVERGED, 2, math.nan)),
    }
    arm = reopened(str(former))
    assert repr(confirmed(arm)) == repr(ended)
    ran = [(run.number, (run.confirms, run.seed)) for run in issued(arm)]
    assert ran == [(3, (1, 1)), (4, (1, 2)), (5, (1, 3)), (6, (3, 2))]
    after = confirmed(reopened(str(former)))
    assert repr({number: after[number] for number in ended}) == repr(ended)
    finished = [(configuration, seed) for configuration, seed, end in after.values() if end.status != "failed"]
    assert sorted(finished) == sorted(PAIRS)


def test_the_study_of_a_former_version_is_copied_once_and_stays_as_it_was(former: Path) -> None:
    def trials() -> list[tuple]:
        study = optuna.load_study(study_name="small/adam/confirm", storage=open_storage(str(former)))
        return [(trial.state, trial.params, trial.values, trial.user_attrs) for trial in study.trials]

    before, recorded = trials(), former.read_text()
    for _ in range(2):
        reopened(str(former))
        assert former.read_text().startswith(recorded)
        assert former.read_text().count('"user_attr":{"confirm/') == 5
    assert trials() == before


def test_a_driver_killed_while_it_copies_goes_on_with_the_rest(former: Path) -> None:
    recorded = former.read_text().splitlines(keepends=True)
    reopened(str(former))
    whole = former.read_text().splitlines(keepends=True)
    for kept in range(len(recorded), len(whole) + 1):
        former.write_text("".join(whole[:kept]))
        arm = reopened(str(former))
        assert list(confirmed(arm)) == [0, 1, 2]
        assert [run.number for run in issued(arm)] == [3, 4, 5, 6]
