"""What a driver tells programs: lines of JSON among those that people read, in a log that both share."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

VARIABLE = "ADAMANT_EVENTS"
"""Set in the environment of a driver whose output a program reads."""
PROGRESS, RUNS = "progress", "runs"
_START = '{"adamant": '


def tell(event: str, **data: Any) -> None:
    """Write an event, where somebody has asked for events."""
    if VARIABLE in os.environ:
        sys.stdout.write(json.dumps({"adamant": event, **data}) + "\n")
        sys.stdout.flush()


def last_event(log: str, event: str) -> dict[str, Any] | None:
    """Return the newest event of a kind in a log, None where there is none."""
    told = (_read(line) for line in reversed(log.splitlines()))
    return next((one for one in told if one is not None and one["adamant"] == event), None)


def without_events(pieces: Iterable[str]) -> Iterator[str]:
    """Yield what people read of a log that comes in pieces, which may end within a line."""
    rest = ""
    for piece in pieces:
        *lines, rest = f"{rest}{piece}".splitlines(keepends=True) or [""]
        if rest.endswith("\n"):
            lines, rest = [*lines, rest], ""
        yield from (line for line in lines if _read(line) is None)
    if _read(rest) is None:
        yield rest


def _read(line: str) -> dict[str, Any] | None:
    """Return an event, None for any other line or for one that is not written to its end."""
    if not line.startswith(_START):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None
