"""Trials are settled by their numbers, whichever is heard of first."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from search_spaces.schema.sweep_file import Scheduler
from search_spaces.study.assignment import Outcome
from search_spaces.study.settling import Settled, Settling
from search_spaces.study.stopping import stopping_rule
from trainables.mlflow_contract import Status

EVALUATIONS = 9
CURVES = np.random.default_rng(1).random((24, EVALUATIONS))


def heard_in(order: random.Random, kind: str) -> tuple[list[Settled], int]:
    """Everything that is settled of trials that are heard of in an order, and how often one was ahead."""
    rule = stopping_rule(Scheduler(type=kind, grace=1, eta=3), EVALUATIONS)  # pyright: ignore[reportArgumentType]
    settling, decisions = Settling(rule, 1), [*rule.epochs, EVALUATIONS]
    at = dict.fromkeys(range(len(CURVES)), 0)
    for number in at:
        settling.add(number, decisions, {})
    found: list[Settled] = []
    ahead = 0
    while at:
        number = order.choice([*at])
        epoch = decisions[at[number]]
        value = float(CURVES[number, epoch - 1])
        outcome = Outcome(Status.FINISHED, epoch, value) if epoch == EVALUATIONS else None
        settled = settling.hear(number, {epoch: value}, outcome)
        ahead += number not in [one.number for one in settled]
        found += settled
        at[number] += 1
        for over in {one.number for one in settled if one.outcome} | ({number} if outcome else set()):
            at.pop(over, None)
    return found, ahead


@pytest.mark.parametrize("kind", ["asha", "hyperband", "median", "none"])
def test_any_order_of_arrival_settles_the_same(kind: str) -> None:
    first, _ = heard_in(random.Random(0), kind)
    outcomes = sorted((one.number, one.epoch, one.value) for one in first if one.outcome)
    assert [number for number, _, _ in outcomes] == list(range(len(CURVES)))
    for seed in range(1, 20):
        found, ahead = heard_in(random.Random(seed), kind)
        assert sorted((one.number, one.epoch, one.value) for one in found if one.outcome) == outcomes
        assert sorted((one.number, one.epoch) for one in found if not one.outcome) == sorted(
            (one.number, one.epoch) for one in first if not one.outcome
        )
        assert (ahead > 0) == (kind != "none"), "some trials were heard of before they could be settled"


def test_a_trial_is_told_of_epoch_by_epoch_and_then_of_its_end() -> None:
    found, _ = heard_in(random.Random(3), "asha")
    for number in range(len(CURVES)):
        own = [one for one in found if one.number == number]
        assert [one.outcome is not None for one in own] == [False] * (len(own) - 1) + [True]
        assert all(one.epoch <= other.epoch for one, other in pairwise(own))


def test_what_fails_or_diverges_while_a_decision_waits_is_pruned_if_it_was_to_be_stopped() -> None:
    rule = stopping_rule(Scheduler(type="asha", grace=1, eta=3), EVALUATIONS)
    for last in (Outcome(Status.DIVERGED, 2, 1e300), Outcome(Status.FAILED, 0, 0.0, "RuntimeError")):
        settling = Settling(rule, 1)
        for number in range(2):
            settling.add(number, [1, 3, EVALUATIONS], {})
        assert [one.epoch for one in settling.hear(1, {1: 0.9})] == [1]
        assert settling.hear(1, {}, last) == []
        told = settling.hear(0, {1: 0.1})
        assert [(one.number, one.outcome and one.outcome.status) for one in told] == [(0, None), (1, Status.PRUNED)]


def test_one_that_is_over_before_an_epoch_is_not_waited_for_there() -> None:
    rule = stopping_rule(Scheduler(type="asha", grace=1, eta=3), EVALUATIONS)
    settling = Settling(rule, 1)
    for number in range(2):
        settling.add(number, [1, 3, EVALUATIONS], {})
    settling.hear(1, {1: 0.1, 3: 0.1})
    told = settling.hear(0, {1: 0.5}, Outcome(Status.DIVERGED, 2, 1e300))
    assert [(one.number, one.epoch) for one in told if one.outcome is None] == [(0, 1), (1, 3)]


def test_a_greater_value_is_better_after_the_sign() -> None:
    rule = stopping_rule(Scheduler(type="asha", grace=1, eta=3), EVALUATIONS)
    settling = Settling(rule, -1)
    for number in range(2):
        settling.add(number, [1, 3, EVALUATIONS], {})
    settling.hear(0, {1: 0.9})
    assert [one.outcome and one.outcome.status for one in settling.hear(1, {1: 0.1})] == [None, Status.PRUNED]
