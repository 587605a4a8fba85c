"""Where a Python process spends its CPU time: its threads' CPU clocks, by what their stacks are in at each sample."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

EVERY_S, WRITE_EVERY_S = 0.02, 0.5
IMPORTS = "imports"
# By part of a path, the first that fits. Of a stack the innermost frame that has a part gives it.
PARTS = (
    ("/cluster/tracking/", "tracking"),
    ("/mlflow/", "tracking"),
    ("/optuna/storages/", "journal"),
    ("/search_spaces/stores/", "journal"),
    ("/cluster/ray/schedulers", "scheduler"),
    ("/search_spaces/", "study"),
    ("/optuna/", "study"),
    ("/cluster/run/_display", "display"),
    ("/rich/", "display"),
    ("/analysis/", "report"),
    ("/trainables/", "training"),
    ("/optimizers/", "training"),
    ("/torch/", "training"),
    ("/ray/", "Ray"),
    ("/cluster/", "driver, other"),
)
BARE, OUTSIDE, SAMPLER = "other Python", "threads without Python", "sampler"


def start(folder: str) -> None:
    """Sample this process from a thread of its own, and keep what was found in a file of ``folder``."""
    threading.Thread(target=_sample, args=(Path(folder),), name="sampler", daemon=True).start()


def _sample(folder: Path) -> None:
    known: dict[int, float] = {}
    seconds: dict[str, float] = defaultdict(float)
    written = time.monotonic()
    while True:
        time.sleep(EVERY_S)
        for thread, frame in sys._current_frames().items():
            if thread != threading.get_ident():
                with suppress(OSError):  # the thread has just ended
                    now = time.clock_gettime(time.pthread_getcpuclockid(thread))
                    spent = now - known.get(thread, 0.0)
                    known[thread] = now
                    # A thread's number may be used again by a new one.
                    seconds[part_of(frame)] += spent if spent >= 0 else now
        if time.monotonic() - written > WRITE_EVERY_S:
            written = time.monotonic()
            _write(folder, seconds)


def _write(folder: Path, seconds: Mapping[str, float]) -> None:
    own = time.thread_time()
    rest = max(0.0, time.process_time() - own - sum(seconds.values()))
    file = folder / f"{os.getpid()}.json"
    with suppress(OSError):  # the profile is over
        file.with_suffix(".new").write_text(json.dumps({**seconds, OUTSIDE: rest, SAMPLER: own}), encoding="utf-8")
        file.with_suffix(".new").replace(file)


def part_of(frame: FrameType | None) -> str:
    """Return the part that a stack is in; imports are a part, whatever imports what."""
    names = list(_files(frame))
    if any(name.startswith("<frozen importlib") for name in names):
        return IMPORTS
    return next((part for name in names for piece, part in PARTS if piece in name), BARE)


def _files(frame: FrameType | None) -> Iterator[str]:
    """Yield the files of a stack, from the innermost frame on."""
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back
