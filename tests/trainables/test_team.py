"""What a leader makes of its followers' answers: a lost one is no error of the trial, and an error keeps its reason."""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest
from ray.exceptions import RayActorError, RayTaskError

from trainables.training.lost_contact import LostContactError
from trainables.tune import _team


class Answered:
    """As much of Ray as is asked: a call stands for its own answer, or for the error that comes in its place."""

    def wait(self, calls: list[Any], num_returns: int, timeout: float | None) -> tuple[list[Any], list[Any]]:
        assert num_returns == len(calls)
        return [call for call in calls if call != "late"], [call for call in calls if call == "late"]

    def get(self, call: Any) -> Any:
        if isinstance(call, Exception):
            raise call
        return call


def failed(cause: Exception) -> RayTaskError:
    return RayTaskError("Follower.advance", "", cause)


@pytest.fixture(autouse=True)
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_team, "ray", Answered())


def test_answers_come_in_the_order_of_the_calls() -> None:
    assert _team._answers([1, None, 3]) == [1, None, 3]


def test_a_followers_own_error_is_told_and_not_what_the_others_met_of_it() -> None:
    out_of_memory = MemoryError("no room")
    with pytest.raises(MemoryError, match="no room"):
        _team._answers([failed(LostContactError("closed")), failed(out_of_memory), None])


def test_a_follower_that_is_gone_is_lost_contact_whatever_the_others_met() -> None:
    with pytest.raises(LostContactError, match="is gone"):
        _team._answers([failed(LostContactError("closed")), RayActorError(), "late"], timeout=1.0)
    with pytest.raises(LostContactError, match="closed"):
        _team._answers([None, failed(LostContactError("closed"))])


def test_the_interface_of_an_address_is_named() -> None:
    name = _team._interface_of("127.0.0.1")
    assert name in {name for _, name in socket.if_nameindex()}
    assert name == ("lo" if sys.platform == "linux" else "lo0")
    assert _team._interface_of("192.0.2.1") is None, "an address that is kept for documentation"
