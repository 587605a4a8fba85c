"""What a person sees while a sweep runs, on real terminals of any width, on a dumb one, and in a log."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from optuna.storages import InMemoryStorage
from rich.console import Console

from cluster.console.progress import ArmState, laid_out
from cluster.run import on_screen
from cluster.run._display import Display
from cluster.run.on_screen import width_of, working
from search_spaces import Sweep, parse_sweep
from search_spaces.study.arm_studies import ArmStudies, open_arms
from search_spaces.study.assignment import Assignment, Outcome
from tests.conftest import REPOSITORY, wait_until
from trainables.mlflow_contract import Status

LONG = "moment_adam_with_a_long_memory_and_schedules"


def sweep(*arms: str) -> Sweep:
    listed = "\n".join(f"  {arm}: {{optimizer: adam, space: [lr]}}" for arm in arms)
    return parse_sweep(
        f"""
name: small
workload: {{name: mlp/digits, epochs: 9}}
baseline: {arms[0]}
arms:
{listed}
search: {{trials: 6}}
confirm: {{top_k: 1, seeds: [1, 2]}}
""",
        "small.yaml",
    )


class Shown:
    """A display over real studies, on a clock that a test sets."""

    def __init__(self, console: Console, *arms: str) -> None:
        self.now = 0.0
        of = sweep(*arms)
        self.arms = open_arms(InMemoryStorage(), of)
        self.display = Display(of, console, self.arms, lambda: self.now)

    def run(self, arm: str, outcome: Outcome, seconds: float = 1.0) -> Assignment:
        studies: ArmStudies = self.arms[arm]
        assignment = studies.next()
        assert assignment is not None
        self.display.started(assignment)
        self.now += seconds
        studies.hear(assignment, {}, outcome)
        self.display.ended(assignment, outcome)
        return assignment


def log() -> Console:
    return Console(file=StringIO())


def finished(value: float) -> Outcome:
    return Outcome(Status.FINISHED, 9, value)


def test_a_log_has_every_count_and_the_time_once_for_all() -> None:
    shown = Shown(log(), "adam", "sgd")
    assert shown.display.lines()[0] == "0/16 done, 0 running, starting"
    for value in (0.5, 0.25, 0.125):
        shown.run("adam", finished(value))
    assert shown.display.lines()[0] == "3/16 done, 0 running, measuring"
    shown.run("sgd", Outcome(Status.PRUNED, 3, 0.9))
    shown.run("sgd", Outcome(Status.DIVERGED, 1, 1e300))
    assert shown.display.lines() == [
        "5/16 done, 0 running, about 10 s left",
        "adam  3/8 done, 0 running, best val/loss 0.125",
        "sgd   2/8 done, 0 running, 1 pruned, 1 diverged",
    ]


def test_a_failed_run_is_counted_apart_as_another_comes_in_its_place() -> None:
    shown = Shown(log(), "adam")
    for number in range(10):
        shown.run("adam", Outcome(Status.FAILED, 0, 0.0, "lost") if number in (1, 8) else finished(0.1 + number))
    assert shown.display.lines() == [
        "8/8 done",
        "adam  8/8 done, 0 running, 2 failed, best val/loss 0.1",
    ]


def test_what_an_earlier_session_ended_is_counted_and_the_time_measured_anew() -> None:
    before = Shown(log(), "adam")
    for number in range(7):
        before.run("adam", finished(1.0 + number))
    again = Display(sweep("adam"), log(), before.arms, lambda: 0.0)
    assert again.lines() == ["7/8 done, 0 running, measuring", "adam  7/8 done, 0 running, best val/loss 1"]


def test_a_run_whose_process_was_lost_runs_no_more() -> None:
    shown = Shown(log(), "adam")
    assignment = shown.arms["adam"].next()
    assert assignment is not None
    shown.display.started(assignment)
    assert shown.display.lines()[0].startswith("0/8 done, 1 running")
    shown.display.lost(assignment)
    assert shown.display.lines()[0].startswith("0/8 done, 0 running")


@contextmanager
def terminal(columns: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Console, list[str]]]:
    """A console on a real terminal of so many columns, and what has been written to it, in pieces."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    for variable in ("COLUMNS", "LINES", "FORCE_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", kind)
    written: list[str] = []

    def read() -> None:
        try:
            while piece := os.read(reader, 4096):
                written.append(piece.decode())
        except OSError:  # the other end is closed
            pass

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    file = os.fdopen(writer, "w")
    # Rich asks the terminal of this process, and not that of its file, how wide it is.
    yield Console(file=file, width=columns), written
    file.close()
    reading.join(5)
    os.close(reader)


def printed(written: list[str]) -> list[str]:
    """The lines without the codes that move the cursor and colour."""
    return [line for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", "".join(written)).splitlines() if line.strip()]


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
@pytest.mark.parametrize("columns", [80, 40])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(
    columns: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal(columns, kind, monkeypatch) as (console, written):
        shown = Shown(console, "adam", LONG)
        with shown.display:
            for value in (0.51234, 0.25678, 0.12345):
                shown.run("adam", finished(value))
            shown.run(LONG, Outcome(Status.PRUNED, 3, 0.9))
            shown.run(LONG, Outcome(Status.DIVERGED, 1, 1e300))
    lines = printed(written)
    assert max(map(len, lines)) <= columns
    text = "\n".join(lines)
    assert "5/16 done" in text
    assert "about 10 s left" in text
    assert "0.1234" in text or "0.1235" in text
    assert LONG in text if columns > len(LONG) else "moment_adam_with_a_l" in text
    assert "running" in text


def test_a_dumb_terminal_and_a_log_hear_of_a_sweep_in_which_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_screen.PRINT_S <= 30
    monkeypatch.setattr(on_screen, "PRINT_S", 0.05)
    with terminal(80, "dumb", monkeypatch) as (console, written):
        for heard in (console, log()):
            shown = Shown(heard, "adam", "sgd")
            with shown.display:
                wait_until(
                    lambda heard=heard: text(heard, written).count("0/16 done, 0 running, st") >= 3, 10, "three lines"
                )
                silent = text(heard, written).count("sgd   0/8 done")
            assert silent == 1, "an arm of which there is nothing new is not told again"
            assert "\x1b[" not in text(heard, written)


def text(console: Console, written: list[str]) -> str:
    return console.file.getvalue() if isinstance(console.file, StringIO) else "".join(written)


def test_colours_that_are_forced_do_not_make_a_terminal_of_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = log()
    with Shown(console, "adam").display:
        pass
    assert console.file.getvalue() == (  # type: ignore[attr-defined]
        "0/8 done, 0 running, starting\nadam  0/8 done, 0 running\n"
    )


def test_without_colours_a_warning_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for off, coded in ((None, True), ("1", False)):
        if off:
            monkeypatch.setenv("NO_COLOR", off)
        with terminal(80, "xterm-256color", monkeypatch) as (console, written):
            Shown(console, "adam").display.warn("adam/3: its loss is not finite")
        assert ("\x1b[33m" in "".join(written)) == coded
        assert "warning: adam/3: its loss is not finite" in "\n".join(printed(written))


def test_what_takes_long_says_what_it_is_at_once_and_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_screen, "PRINT_S", 0.05)
    console = log()
    with working(console, "Starting Ray"):
        assert text(console, []) == "Starting Ray ...\n"
        wait_until(lambda: "Starting Ray, 1 s" in text(console, []), 10, "the first second")
    told = text(console, [])
    time.sleep(0.2)
    assert text(console, []) == told, "nothing is printed after the end"


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (200, ["adam       1/8 done, 0 running, best val/loss 0.5", "scheduled  2/8 done, 0 running"]),
        (30, ["adam       1/8, best 0.5", "scheduled  2/8"]),
        (20, ["adam\n  1/8, best 0.5", "scheduled\n  2/8"]),
        (8, ["adam\n  1/8", "sche…led\n  2/8"]),
    ],
)
def test_lines_are_as_long_as_all_of_them_have_room(width: int, expected: list[str]) -> None:
    states = [
        ArmState("adam", "val/loss", 1, 7, 0, {}, 0.5),
        ArmState("scheduled", "val/loss", 2, 6, 0, {}, None),
    ]
    assert laid_out(states, width) == expected


def test_a_display_draws_while_events_come_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_screen, "PRINT_S", 0.0001)
    shown = Shown(log(), "adam", "sgd")
    with shown.display:
        for value in range(8):
            shown.run("adam", finished(1.0 + value))
            shown.run("sgd", finished(1.0 + value))
    assert shown.display.lines()[0] == "16/16 done"


@pytest.mark.parametrize("command", ["run", "resume"])
def test_a_command_says_something_before_it_loads_what_takes_seconds(command: str, tmp_path: Path) -> None:
    program = f"""
import sys
for heavy in ("optuna", "ray", "mlflow", "torch", "numpy", "sqlalchemy"):
    sys.modules[heavy] = None
sys.argv = ["adamant", "{command}", "quickstart"]
import adamant
adamant.app()
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert ended.stdout.startswith("quickstart: ")


@pytest.mark.parametrize("told", ["²", "¼", "-3", "wide", ""])
def test_a_width_that_is_no_number_is_asked_of_the_terminal(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(47, "xterm", monkeypatch) as (console, _):
        monkeypatch.setenv("COLUMNS", told)
        assert width_of(console) == 47
