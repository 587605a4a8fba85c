"""Waiting for something that tells nobody when it is there."""

from __future__ import annotations

import time
from collections.abc import Callable


def holds_within(seconds: float, condition: Callable[[], object], pause_s: float = 0.2) -> bool:
    """Ask until ``condition`` holds; return False when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True
