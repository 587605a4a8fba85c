"""What becomes of a trial that is lost or interrupted: it is issued again, unless that is its own doing."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import parse_sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import open_arms
from search_spaces.study.searcher import RESTARTS, SweepSearcher

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


FINISHED = {"outcome/status": "finished", "epoch": 3, "objective": 0.5}


@pytest.fixture
def searcher(tmp_path: Path, cluster: Cluster) -> SweepSearcher:
    return searcher_in(tmp_path, cluster)


def searcher_in(folder: Path, cluster: Cluster | None = None) -> SweepSearcher:
    nodes = cluster or Cluster()
    arms = open_arms(open_storage(str(folder / "study.journal")), parse_sweep(SWEEP))
    return SweepSearcher(
        arms, lambda assignment: {"trial": assignment.trial_id}, lambda: 4, lambda: nodes.answers, lambda: nodes.lost
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


def lose_for_good(searcher: SweepSearcher, trial_id: str) -> None:
    first = searcher.assignment(trial_id)
    for time in range(RESTARTS):
        searcher.on_trial_complete(trial_id, error=True)
        trial_id = f"{trial_id}{time}"
        searcher.suggest(trial_id)
        assert searcher.assignment(trial_id) == first
    searcher.on_trial_complete(trial_id, error=True)


def test_a_trial_that_is_lost_again_and_again_while_others_end_fails_and_is_replaced(searcher: SweepSearcher) -> None:
    first = searcher.suggest("a")
    searcher.suggest("b")
    searcher.on_trial_complete("b", FINISHED)
    lose_for_good(searcher, "a")
    outcome = searcher.outcome("a012")
    assert outcome is not None
    assert outcome.status == "failed"
    assert "died 4 times" in outcome.reason
    assert searcher.suggest("another") != first


def test_where_every_trial_is_lost_again_and_again_the_machine_is_to_blame(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path)
    first = searcher.suggest("a")
    lose_for_good(searcher, "a")
    with pytest.raises(OSError, match=r"adam/0: .* no other trial has ended"):
        searcher.suggest("another")
    assert searcher_in(tmp_path).suggest("b") == first, "a resume issues it again"


def test_what_the_machine_interrupts_ends_the_session_and_stays_running(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path)
    first = searcher.suggest("a")
    interrupted = {"outcome/status": "interrupted", "outcome/reason": "OSError: no space", "epoch": 1, "objective": 1e9}
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


def test_a_trial_that_the_scheduler_stops_is_pruned_and_not_replaced(tmp_path: Path) -> None:
    searcher = searcher_in(tmp_path)
    searcher.suggest("a")
    stopped = searcher.assignment("a")
    searcher.on_trial_result("a", {"epoch": 1, "objective": 0.9})
    searcher.on_trial_complete("a", {"epoch": 1, "objective": 0.9})
    outcome = searcher.outcome("a")
    assert outcome is not None
    assert (outcome.status, outcome.epoch, outcome.value) == ("pruned", 1, 0.9)
    study = searcher_in(tmp_path)._arms[stopped.path].search
    assert [trial.state.name for trial in study.trials()][stopped.number] == "PRUNED"
