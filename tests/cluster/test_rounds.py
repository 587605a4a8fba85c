"""Sweeps that get studies round by round until they are decided: what is planned, when they end, and what they say."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from rich.console import Console

from cluster.run import until_decided as module
from cluster.run.ended import EndedSweep
from cluster.run.until_decided import until_decided
from cluster.storage.rounds import Rounds
from cluster.storage.sweep_folder import SweepFolder
from search_spaces.sweep.growth import Growth
from tests.conftest import CommandLine, FrontDoor, wait_until

ENDED = EndedSweep(0, "small", "sqlite:///runs.db", [], None, Path("report"))


def test_rounds_are_of_equal_size_but_for_the_last() -> None:
    assert Rounds.of_equal_size(3, 12, None).planned == (3, 6, 9, 12)
    assert Rounds.of_equal_size(4, 10, None).planned == (4, 8, 10)
    assert Rounds.of_equal_size(5, 5, None).planned == (5,)
    rounds = Rounds.of_equal_size(4, 10, 3600.0).with_look(4).with_look(8)
    assert rounds.with_look(8) == rounds
    assert rounds.further_studies == 2
    rounds = replace(rounds, spent_s=800.0)
    assert (rounds.next_s, rounds.left_s) == (200.0, 2800.0)
    assert rounds.with_look(10).further_studies == 0
    assert json.loads(rounds.looks) == {"planned": [4, 8, 10], "taken": [4, 8]}


def rounds_of(
    monkeypatch: pytest.MonkeyPatch, planned: Rounds, unsettled: Sequence[Sequence[str]], code: int = 0
) -> tuple[list[int], str, EndedSweep]:
    """Numbers of studies after each session, each of which takes 100 s a study; what is said; and how it ends."""
    answers, studies, said = iter(unsettled), [], io.StringIO()
    state, console = planned, Console(file=said, width=300)

    @contextmanager
    def session(more: int) -> Iterator[EndedSweep]:
        nonlocal state
        studies.append(sum(studies[-1:]) + more)
        state = replace(state.with_look(studies[-1]), spent_s=state.spent_s + 100 * more)
        yield replace(ENDED, code=code, rounds=state)

    def grow(name: str, storage: str, address: str | None, console: Console, growth: Growth, *, trusted: bool):
        assert (name, storage, growth.trials, growth.seeds) == ("small", "here", 0, 0)
        return session(growth.studies)

    monkeypatch.setattr(module, "resume_sweep", grow)
    with until_decided(session(planned.planned[0]), lambda ended: next(answers), "here", None, console) as ended:
        pass
    return studies, said.getvalue(), ended


PLANNED = Rounds.of_equal_size(3, 9, 900.0)


def test_a_sweep_ends_as_soon_as_all_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    studies, said, ended = rounds_of(monkeypatch, PLANNED, [["a", "b"], []])
    assert studies == [3, 6]
    assert ended.rounds is not None
    assert ended.rounds.taken == (3, 6)
    assert said.split("\n")[1::2] == [
        "Look 1 of 3, after 3 studies of each arm: not decided for a and b; 3 studies more an arm, in about 5 min.",
        "Look 2 of 3, after 6 studies of each arm: decided.",
    ]


def test_a_sweep_that_stays_undecided_ends_after_the_last_planned_look(monkeypatch: pytest.MonkeyPatch) -> None:
    studies, said, _ = rounds_of(monkeypatch, PLANNED, [["a"]] * 3)
    assert studies == [3, 6, 9]
    assert "Look 3 of 3, after 9 studies of each arm: not decided for a, and this was the last planned look" in said


def test_no_round_is_begun_that_would_not_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    studies, said, _ = rounds_of(monkeypatch, replace(PLANNED, at_most_s=800.0), [["a"]] * 3)
    assert studies == [3, 6]
    assert "3 studies more an arm would take about 5 min, where 3 min of 13 min are left: this is the end." in said


def test_without_rounds_or_after_an_error_there_is_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rounds_of(monkeypatch, PLANNED, [], code=1)[0] == [3]

    @contextmanager
    def session() -> Iterator[EndedSweep]:
        yield ENDED

    with until_decided(
        session(), lambda ended: pytest.fail("judged"), "here", None, Console(file=io.StringIO())
    ) as one:
        assert one is ENDED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--until", "decided"], "search.studies: --until decided judges arms by their studies"),
        (["--at-most", "1h"], "--at-most goes with --until decided"),
        (["--most-studies", "9"], "--most-studies goes with --until decided"),
        (
            ["--until", "decided", "--set", "search.studies=3", "--at-most", "12"],
            "--at-most 12: must be a time with its",
        ),
        (["--until", "decided", "--set", "search.studies=3", "--at-most", "0h"], "--at-most 0h: must be a time"),
        (["--until", "decided", "--set", "search.studies=3", "--most-studies", "2"], "the first round has 3 already"),
        (["--more-seeds", "2", "--until", "decided"], "--more-seeds goes on with the sweep as it is"),
        (["--more-studies", "2", "--set", "search.studies=3"], "--more-studies goes on with the sweep as it is"),
    ],
)
def test_what_makes_no_rounds_is_refused(command_line: CommandLine, arguments: list[str], message: str) -> None:
    refused = command_line("run", "quickstart", "--set", "search.studies=1", *arguments)
    assert refused.returncode == 2, refused.stdout
    assert message in refused.stderr
    assert "smallest_difference" not in refused.stdout
    assert not (command_line.folder / "adamant-runs").exists()


ROUNDS = """\
name: rounds
question: Is an arm better than itself?
workload: {name: mlp/digits, epochs: 2}
metric: {name: val/loss, smallest_difference: 0.001}
baseline: adam
arms:
  adam: {optimizer: adam, space: [lr]}
  same: {optimizer: adam, space: [lr]}
search:    {method: random, trials: 2, studies: 2}
scheduler: {type: none}
confirm:   {seeds: [1]}
"""


@pytest.mark.cluster
def test_a_sweep_in_rounds_is_gone_on_with_where_it_was_killed(shared_ray: FrontDoor) -> None:
    """No difference of two equal arms is as small as 0.001 points for sure, so both planned looks are taken."""
    (shared_ray.folder / "rounds.yaml").write_text(ROUNDS)
    asked = ("run", "rounds.yaml", "--until", "decided", "--at-most", "3h", "--most-studies", "4")
    driver = shared_ray.start(*asked)
    folder = SweepFolder(shared_ray.runs, "rounds")

    def taken() -> tuple[int, ...]:
        with suppress(Exception):
            rounds = folder.manifest().rounds
            return rounds.taken if rounds is not None else ()
        return ()

    def second_round_has_begun() -> bool:
        return taken() == (2,) and (folder.trials / "study-3").is_dir()

    wait_until(lambda: second_round_has_begun() or driver.poll() is not None, 240, "the second round")
    assert driver.poll() is None, driver.communicate()
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    between = shared_ray("run", "rounds", "--more-seeds", "1")
    assert between.returncode == 2
    assert "rounds is judged in rounds, after 2 and 4 studies" in between.stderr
    other = shared_ray(*asked[:-1], "8", "--or-resume")
    assert other.returncode == 2
    assert "was planned to be judged after 2 and 4 studies, not after 2, 4, 6 and 8 studies" in other.stderr
    resumed = shared_ray("resume", "rounds", "--json", "rounds.json")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "Look 2 of 2, after 4 studies of each arm: not decided for same" in resumed.stdout
    verdict = json.loads((shared_ray.folder / "rounds.json").read_text())
    assert verdict["looks"] == {"planned": [2, 4], "taken": [2, 4]}
    assert verdict["budget"]["studies"] == 4
    assert verdict["equivalence_level"] > 0.9, "that of the second of two looks"
    client = MlflowClient(shared_ray.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/rounds")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 4 * 2 * (2 + 1) + 1
    assert {run.info.status for run in runs} == {"FINISHED"}
