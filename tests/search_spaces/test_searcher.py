"""What becomes of a trial that is lost or interrupted: it is issued again, unless that is its own doing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from search_spaces import parse_sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import open_arms
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.losses import MOST_SUSPECTS, RESTARTS
from search_spaces.study.searcher import Observer, SweepSearcher, Unobserved

SWEEP = """\
name: lost
question: What becomes of what is lost?
workload: {name: mlp/digits, epochs: 3}
baseline: adam
arms:
  adam: {optimizer: adam, space: [lr]}
search: {method: random, trials: 2}
"""


class Cluster:
    """Whether its nodes answer."""

    answers = True
    lost = 0


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


FINISHED = {"outcome/status": "finished", "epoch": 3, "objective": 0.5, "decided": [(3, 0.5)]}


@pytest.fixture
def searcher(tmp_path: Path, cluster: Cluster) -> SweepSearcher:
    return searcher_in(tmp_path, cluster)


def searcher_in(
    folder: Path,
    cluster: Cluster | None = None,
    observer: Observer | None = None,
    scheduler: str = "{type: none}",
    trials: int = 2,
) -> SweepSearcher:
    nodes = cluster or Cluster()
    sweep = parse_sweep(SWEEP, "lost.yaml", [f"scheduler={scheduler}", f"search.trials={trials}"])
    return SweepSearcher(
        open_arms(open_storage(str(folder / "study.journal")), sweep),
        lambda assignment: {"trial": assignment.trial_id},
        lambda: 4,
        lambda: nodes.answers,
        lambda: nodes.lost,
        observer or Unobserved(),
    )


def test_a_lost_trial_is_issued_again_before_anything_else(searcher: SweepSearcher) -> None:
    first = searcher.suggest("a")
    searcher.suggest("b")
    searcher.on_trial_complete("a", error=True)
    assert searcher.outcome("a") is None
    assert searcher.suggest("c") == first
    assert searcher.assignment("c") == searcher.assignment("a")


def test_nothing_is_started_while_a_node_does_not_answer(searcher: SweepSearcher, cluster: Cluster) -> None:
    first = searcher.suggest("a")
    cluster.answers = False
    assert searcher.suggest("b") is not None, "nobody asks before something is lost"
    searcher.on_trial_complete("a", error=True)
    assert searcher.suggest("c") is None
    cluster.answers = True
    assert searcher.suggest("d") == first


def lose_for_good(searcher: SweepSearcher, trial_id: str) -> str:
    """Lose a trial until it is not issued again; return Tune's last id of it."""
    first = searcher.assignment(trial_id)
    for time in range(RESTARTS):
        searcher.on_trial_complete(trial_id, error=True)
        trial_id = f"{trial_id}{time}"
        searcher.suggest(trial_id)
        assert searcher.assignment(trial_id) == first
    searcher.on_trial_complete(trial_id, error=True)
    return trial_id


def test_a_trial_that_is_lost_again_and_again_while_others_end_fails_and_is_replaced(searcher: SweepSearcher) -> None:
    first = searcher.suggest("a")
    searcher.suggest("b")
    searcher.on_trial_complete("b", FINISHED)
    outcome = searcher.outcome(lose_for_good(searcher, "a"))
    assert outcome is not None
    assert outcome.status == "failed"
    assert "died 4 times" in outcome.reason
    assert searcher.suggest("another") != first


def test_where_every_trial_is_lost_again_and_again_the_machine_is_to_blame(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path)
    first = searcher.suggest("a")
    lose_for_good(searcher, "a")
    assert searcher.suggest("b") == {"trial": "adam/1"}, "which may show that the first one is to blame itself"
    lose_for_good(searcher, "b")
    with pytest.raises(OSError, match=r"adam/0: its process died 4 times.* no other trial has ended"):
        searcher.suggest("another")
    assert searcher_in(tmp_path).suggest("b") == first, "a resume issues it again"


def test_the_machine_is_to_blame_before_every_trial_of_a_large_sweep_was_lost(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path, trials=20)
    for number in range(MOST_SUSPECTS):
        assert searcher.suggest(str(number)) == {"trial": f"adam/{number}"}
        lose_for_good(searcher, str(number))
    with pytest.raises(OSError, match=r"adam/0: .* no other trial has ended"):
        searcher.suggest("another")


def test_a_trial_that_was_lost_for_good_fails_as_soon_as_another_has_ended(searcher: SweepSearcher) -> None:
    searcher.suggest("a")
    last = lose_for_good(searcher, "a")
    assert searcher.outcome(last) is None
    searcher.suggest("b")
    searcher.on_trial_complete("b", FINISHED)
    outcome = searcher.outcome(last)
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("failed", "its process died 4 times, or had no memory left")
    assert searcher.suggest("c") == {"trial": "adam/2"}, "another is drawn in its place"


def test_a_trial_that_stands_still_twice_fails_with_that_reason(searcher: SweepSearcher) -> None:
    first = searcher.suggest("a")
    searcher.suggest("b")
    searcher.on_trial_complete("b", FINISHED)
    searcher.stall("a", "it made no progress for 5 s")
    searcher.on_trial_complete("a", error=True)
    assert searcher.suggest("again") == first
    searcher.on_trial_complete("again", error=True)
    assert searcher.suggest("third") == first, "once its process died, which is counted by itself"
    searcher.stall("third", "it made no progress for 5 s")
    searcher.on_trial_complete("third", error=True)
    outcome = searcher.outcome("third")
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("failed", "it made no progress for 5 s, 2 times")


def test_what_the_machine_interrupts_ends_the_session_and_stays_running(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path)
    first = searcher.suggest("a")
    interrupted = {
        "outcome/status": "interrupted",
        "outcome/reason": "OSError: no space",
        "epoch": 1,
        "objective": 1e9,
        "decided": [],
    }
    searcher.suggest("b")
    searcher.on_trial_complete("a", interrupted)
    searcher.on_trial_complete("b", FINISHED)
    assert searcher.outcome("a") is searcher.outcome("b") is None, "nothing is told any more"
    with pytest.raises(OSError, match="adam/0: OSError: no space"):
        searcher.suggest("c")
    assert searcher_in(tmp_path).suggest("b") == first


def test_a_trial_goes_on_however_many_nodes_are_lost_under_it(searcher: SweepSearcher, cluster: Cluster) -> None:
    first = searcher.suggest("0")
    for time in range(1, 3 * RESTARTS):
        cluster.lost = time
        searcher.on_trial_complete(str(time - 1), error=True)
        assert searcher.suggest(str(time)) == first


def test_a_trial_that_is_stopped_is_pruned_and_not_replaced(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path, scheduler="{type: asha, grace: 1, eta: 3}")
    for trial_id, value in (("a", 0.1), ("b", 0.9)):
        searcher.suggest(trial_id)
        searcher.hear(trial_id, {"epoch": 1, "objective": value, "decided": [(1, value)]})
    outcome = searcher.outcome("b")
    assert outcome is not None
    assert (outcome.status, outcome.epoch, outcome.value) == ("pruned", 1, 0.9)
    assert searcher.suggest("c") is None, "two trials were asked for"
    assert [trial.state.name for trial in searcher._arms["adam"].search.trials()] == ["RUNNING", "PRUNED"]


class Told:
    """What an observer is told, in its order."""

    def __init__(self) -> None:
        self.of: list[tuple[str, str, object]] = []

    def heard(self, assignment: Assignment, result: Mapping[str, Any]) -> None: ...

    def stands(self, assignment: Assignment, epoch: int) -> None:
        self.of.append(("stands", assignment.trial_id, epoch))

    def ended(self, assignment: Assignment, outcome: Outcome) -> None:
        self.of.append(("ended", assignment.trial_id, outcome.status))

    def lost(self, assignment: Assignment) -> None: ...


def test_nobody_is_told_of_a_trial_beyond_a_decision_that_waits_for_an_earlier_one(tmp_path: Path) -> None:
    told = Told()
    searcher = searcher_in(tmp_path, observer=told, scheduler="{type: asha, grace: 1, eta: 3}")
    searcher.suggest("slow")
    searcher.suggest("fast")
    finished = {"outcome/status": "finished", "epoch": 3, "objective": 0.2, "decided": [(1, 0.9), (3, 0.2)]}
    assert not searcher.hear("fast", {"epoch": 1, "objective": 0.9, "decided": [(1, 0.9)]})
    searcher.on_trial_complete("fast", finished)
    assert told.of == [("stands", "adam/1", 1)]
    assert searcher.outcome("fast") is None
    assert not searcher.hear("slow", {"epoch": 1, "objective": 0.1, "decided": [(1, 0.1)]})
    assert told.of[1:] == [("stands", "adam/0", 1), ("ended", "adam/1", "pruned")], "what came after it is dropped"
    assert searcher.take_overtaken() == set(), "its process has ended by itself"


def test_a_trial_that_trains_on_in_vain_is_named_once(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path, scheduler="{type: asha, grace: 1, eta: 3}")
    searcher.suggest("slow")
    searcher.suggest("fast")
    assert not searcher.hear("fast", {"epoch": 1, "objective": 0.9, "decided": [(1, 0.9)]})
    searcher.hear("slow", {"epoch": 1, "objective": 0.1, "decided": [(1, 0.1)]})
    assert searcher.take_overtaken() == {"fast"}
    assert searcher.take_overtaken() == set()
    assert searcher.hear("fast", {"epoch": 2, "objective": 0.0, "decided": [(1, 0.9)]}), "whatever it still tells"


def test_what_a_resume_has_not_issued_again_yet_is_settled_by_what_others_tell(tmp_path: Path) -> None:
    first = searcher_in(tmp_path, scheduler="{type: asha, grace: 1, eta: 3}")
    first.suggest("slow")
    first.suggest("fast")
    first.hear("fast", {"epoch": 1, "objective": 0.9, "decided": [(1, 0.9)]})
    resumed = searcher_in(tmp_path, scheduler="{type: asha, grace: 1, eta: 3}")
    resumed.suggest("again")
    resumed.hear("again", {"epoch": 1, "objective": 0.1, "decided": [(1, 0.1)]})
    assert resumed.suggest("next") is None, "the other is pruned, and is not issued again"


def test_one_that_looks_lost_leaves_its_place_until_nothing_else_is_to_be_run(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path, scheduler="{type: asha, grace: 1, eta: 3}", trials=4)
    for trial_id in "abc":
        searcher.suggest(trial_id)
    bad = {"epoch": 1, "objective": 0.9, "decided": [(1, 0.9)]}
    assert not searcher.hear("a", {"epoch": 1, "objective": 0.1, "decided": [(1, 0.1)]})
    assert searcher.hear("c", bad), "it waits for the second, and would be stopped by the first"
    searcher.on_trial_complete("c", bad)
    assert searcher.outcome("c") is None
    assert searcher.suggest("d") == {"trial": "adam/3"}
    assert searcher.suggest("e") == {"trial": "adam/2"}, "nothing else is to be run"
    assert not searcher.hear("e", bad), "and so it keeps its place"
    searcher.hear("b", {"epoch": 1, "objective": 0.5, "decided": [(1, 0.5)]})
    assert searcher.take_overtaken() == {"e"}


def test_one_that_left_its_place_and_goes_on_comes_before_new_trials(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path, scheduler="{type: asha, grace: 1, eta: 2}", trials=6)
    for trial_id in "abcd":
        searcher.suggest(trial_id)
    searcher.hear("a", {"epoch": 1, "objective": 0.1, "decided": [(1, 0.1)]})
    middling = {"epoch": 1, "objective": 0.5, "decided": [(1, 0.5)]}
    assert searcher.hear("d", middling)
    searcher.on_trial_complete("d", middling)
    for trial_id in "bc":
        searcher.hear(trial_id, {"epoch": 1, "objective": 0.9, "decided": [(1, 0.9)]})
    assert searcher.outcome("d") is None, "the half of 0.1, 0.9 and 0.9 is not better"
    assert searcher.suggest("again") == {"trial": "adam/3"}
