"""When trials ran: the common measure of sweeps that record it in different ways."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Interval:
    """A trial's training, from ``started`` to ``ended``, in seconds since 1970."""

    started: float
    ended: float


def first_start(intervals: Sequence[Interval]) -> float:
    return min(interval.started for interval in intervals)


def span(intervals: Sequence[Interval]) -> float:
    """Seconds from the first trial's start to the last one's end."""
    return max(interval.ended for interval in intervals) - first_start(intervals)


def share_with(count: int, intervals: Sequence[Interval]) -> float:
    """The share of the span in which at least ``count`` trials were running."""
    changes = [(interval.started, 1) for interval in intervals] + [(interval.ended, -1) for interval in intervals]
    running, since, enough = 0, 0.0, 0.0
    for moment, change in sorted(changes):
        if running >= count:
            enough += moment - since
        running, since = running + change, moment
    return enough / span(intervals)


@contextmanager
def recorded(path: Path) -> Iterator[None]:
    """Append the interval of what runs inside to a file that several processes may write to."""
    started = time.time()
    yield
    line = json.dumps(asdict(Interval(started, time.time()))) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def read(path: Path) -> list[Interval]:
    """What :func:`recorded` wrote."""
    return [Interval(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
