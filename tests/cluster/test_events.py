"""Events among the lines of a log that people read."""

from __future__ import annotations

import pytest

from cluster.console import events
from cluster.console.events import last_event, tell, without_events

LINES = ["quickstart\n", "adam  1/8 done\n", '{"not": "an event"}\n', "no line end"]


def log(capsys: pytest.CaptureFixture[str]) -> str:
    tell("runs", see="http://127.0.0.1:5000/β")
    for done in (1, 2):
        tell("progress", done=done)
    told = capsys.readouterr().out.splitlines(keepends=True)
    return "".join([LINES[0], told[0], LINES[1], *told[1:], *LINES[2:]])


@pytest.fixture(autouse=True)
def asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(events.VARIABLE, "1")


def test_the_newest_event_of_a_kind_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    text = log(capsys)
    assert last_event(text, "progress") == {"adamant": "progress", "done": 2}
    assert last_event(text, "runs") == {"adamant": "runs", "see": "http://127.0.0.1:5000/β"}
    assert last_event(text, "ended") is None
    cut = text[: text.index('"done": 2')]
    assert last_event(cut, "progress") == {"adamant": "progress", "done": 1}, "a line not yet written to its end"


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_people_read_the_rest_wherever_the_pieces_end(size: int, capsys: pytest.CaptureFixture[str]) -> None:
    text = log(capsys)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert "".join(without_events(pieces)) == "".join(LINES)


def test_nothing_is_told_unasked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(events.VARIABLE)
    tell("progress", done=1)
    assert capsys.readouterr().out == ""
