"""What becomes of a trial that Tune gives up: it is issued again, until its process has died too often."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import parse_sweep
from search_spaces.arm_studies import open_arms
from search_spaces.searcher import RESTARTS, SweepSearcher
from search_spaces.storage import open_storage

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


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def searcher(tmp_path: Path, cluster: Cluster) -> SweepSearcher:
    arms = open_arms(open_storage(str(tmp_path / "study.journal")), parse_sweep(SWEEP))
    return SweepSearcher(arms, lambda assignment: {"trial": assignment.trial_id}, lambda: 4, lambda: cluster.answers)


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


def test_a_trial_that_is_lost_again_and_again_fails_and_is_replaced(searcher: SweepSearcher) -> None:
    first = searcher.suggest("0")
    for time in range(1, RESTARTS + 1):
        searcher.on_trial_complete(str(time - 1), error=True)
        assert searcher.suggest(str(time)) == first
    searcher.on_trial_complete(str(RESTARTS), error=True)
    outcome = searcher.outcome(str(RESTARTS))
    assert outcome is not None
    assert outcome.status == "failed"
    assert "died again and again" in outcome.reason
    assert searcher.suggest("another") != first
