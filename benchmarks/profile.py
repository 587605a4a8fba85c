"""Where the CPU time of a sweep goes, by process and by part: `python -m benchmarks profile`.

The sweep is `quickstart`, and every Python process of it samples its threads (see ``benchmarks.sampler``); what no
Python thread spent, such as that of Ray's own threads, is told as such. Of processes without Python only the sum is
known. CPU seconds mean the same on a busy machine, wall times do not.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.recorded_sweep import recorded_trials
from benchmarks.report import Goal, table
from benchmarks.sampler import SAMPLER
from benchmarks.sandbox import ADAMANT, REPOSITORY, sandbox

SWEEP = "quickstart"
LOOK_S = 0.2
DRIVER, ACTORS, AGENTS, OTHER = "driver", "trial actors", "Ray's agents", "other processes"
NOT_SAMPLED = "not sampled"
# By part of a command line, the first that fits; Ray names its workers by what they run.
KINDS = (
    ("gcs_server", "Ray's GCS"),
    ("default_worker", ACTORS),
    ("ray::", ACTORS),
    ("raylet/raylet", "raylet"),
    ("adamant", DRIVER),
    ("ray/", AGENTS),
)
QUICK = (("--help",), ("list", "spaces"), ("validate", SWEEP), ("plan", SWEEP))
QUICK_S, PLAN_S, REPORT_S = 0.4, 1.0, 2.0


def main() -> list[Goal]:
    """Print the CPU seconds of a sweep by process and by part, and of quick commands; return the goals."""
    with sandbox() as box:
        samples, storage = box.folder(), box.folder()
        paths = f"{REPOSITORY / 'benchmarks' / 'sampling'}:{REPOSITORY}"
        with watched_processes() as processes:
            command = box.run(
                *(ADAMANT, "run", SWEEP, "--storage", str(storage)),
                PYTHONPATH=paths,
                BENCHMARKS_SAMPLES=str(samples),
            )
        trials = len(recorded_trials(storage / SWEEP))
        of_parts = by_part(processes.values(), samples)
        quick = {" ".join(words): box.run(ADAMANT, *words).cpu_seconds for words in QUICK}
    of_kinds = {kind: sum(parts.values()) for kind, parts in of_parts.items()}
    print(f"`adamant run {SWEEP}`, {trials} trials, {command.seconds:.0f} s. CPU seconds by process:\n")
    print(table(("", "all", "a trial"), _rows(of_kinds, trials)), end="\n\n")
    print(next(line for line in command.output.splitlines() if line.startswith("Digest")), end="\n\n")
    for kind, parts in of_parts.items():
        print(f"{kind}, by part:\n")
        print(table(("", "all", "a trial"), _rows(parts, trials)), end="\n\n")
    print(table(("command", "CPU s"), [(name, f"{seconds:.2f}") for name, seconds in quick.items()]), end="\n\n")
    goals = [
        Goal(f"adamant {name}, CPU", seconds, "at most", PLAN_S if name.startswith("plan") else QUICK_S, "s")
        for name, seconds in quick.items()
    ]
    goals.append(
        Goal("the report of a small sweep, CPU", of_parts[DRIVER].get("report", 0.0), "at most", REPORT_S, "s")
    )
    print(*goals, sep="\n")
    return goals


class Seen:
    """A process: what it is by its command line, and the CPU seconds that it had when it was last seen."""

    def __init__(self, process: psutil.Process) -> None:
        self.process, self.kind, self.seconds = process, OTHER, 0.0

    def look(self) -> None:
        """Take in what it is and has spent, as long as it is there."""
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            spent = self.process.cpu_times()
            self.seconds = spent.user + spent.system
            # Ray's workers give themselves a name when they have started.
            if command := self.process.cmdline():
                self.kind = kind_of(" ".join(command))

    def parts(self, samples: Path) -> dict[str, float]:
        """Return its CPU seconds by part, without those of the sampler; one without Python is one part."""
        file = samples / f"{self.process.pid}.json"
        parts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        rest = max(0.0, self.seconds - sum(parts.values()))
        parts.pop(SAMPLER, None)
        return {**parts, NOT_SAMPLED: rest}


def kind_of(command: str) -> str:
    """Return what a process of a sweep is."""
    return next((kind for piece, kind in KINDS if piece in command), OTHER)


@contextmanager
def watched_processes() -> Iterator[dict[int, Seen]]:
    """Look at all processes that this one starts, and that they start, until the end; by number."""
    seen: dict[int, Seen] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            for process in psutil.Process().children(recursive=True):
                seen.setdefault(process.pid, Seen(process)).look()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def by_part(processes: Iterable[Seen], samples: Path) -> dict[str, dict[str, float]]:
    """Return CPU seconds by what processes are, and of each kind by part."""
    found: dict[str, dict[str, float]] = {}
    for one in processes:
        parts = found.setdefault(one.kind, defaultdict(float))
        for part, seconds in one.parts(samples).items():
            parts[part] += seconds
    return found


def _rows(seconds: Mapping[str, float], trials: int) -> Sequence[tuple[str, str, str]]:
    rows = [*sorted(seconds.items(), key=lambda row: -row[1]), ("all", sum(seconds.values()))]
    return [(name, f"{spent:.1f}", f"{spent / trials:.3f}") for name, spent in rows]
