"""Signals that end a sweep: what they interrupt may raise anything, and it ends as one that was interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

PROGRAM = """
import os, signal, sys, threading
from cluster.ray.interruption import interrupt_on_signals, is_interrupted

told = []
interrupt_on_signals(lambda: told.append("before"))
assert not is_interrupted()
try:
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
        threading.Event().wait(10)
    finally:
        raise RuntimeError("as libraries do that catch everything")
except RuntimeError:
    print(is_interrupted(), told)
interrupt_on_signals(lambda: None)
assert not is_interrupted()
"""
IGNORING = """
import os, signal
from cluster.ray.interruption import interrupt_on_signals

for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
interrupt_on_signals(lambda: None)
os.kill(os.getpid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGHUP)
print("goes on")
"""


@pytest.mark.parametrize(("number", "told"), [("SIGINT", []), ("SIGTERM", ["before"]), ("SIGHUP", ["before"])])
def test_a_signal_is_remembered_whatever_is_raised_in_its_place(number: str, told: list[str]) -> None:
    ended = run(PROGRAM, str(int(signal.Signals[number])))
    assert ended.stdout == f"True {told}\n", ended.stderr


def test_a_signal_that_a_shell_has_ignored_stays_so() -> None:
    assert run(IGNORING).stdout == "goes on\n"


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
