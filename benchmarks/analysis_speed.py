"""How long a report over a thousand runs takes, as the whole command, and how large its page is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.many_runs import make_runs
from benchmarks.report import Goal, table

TRIALS = 160  # in each of 6 arms, so 990 runs with the confirmations
REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> list[Goal]:
    """Make the runs, write their report with an empty cache and with a full one, and return the goals."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uri = make_runs(folder, TRIALS)
        environment = {**os.environ, "ADAMANT_CACHE": str(folder / "cache")}
        command = [sys.executable, str(REPOSITORY / "adamant.py"), "report", "many", "--tracking-uri", uri]
        timed = {
            "table only, nothing cached": _seconds(command, environment),
            "table only": _seconds(command, environment),
            "whole report": _seconds([*command, "--out", str(folder / "report")], environment),
        }
        size = (folder / "report" / "report.html").stat().st_size / 1e6
    print(table(("command", "seconds"), [(what, f"{seconds:.1f}") for what, seconds in timed.items()]), end="\n\n")
    return [
        Goal("report over 990 runs, whole command", timed["whole report"], "at most", 10, "s"),
        Goal("its page", size, "at most", 5, "MB"),
    ]


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
