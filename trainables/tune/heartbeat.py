"""The heartbeat of a trial: a file that changes while there is progress; without any, what the process was at."""

from __future__ import annotations

import faulthandler
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trainables.tune.checkpoint import HEARTBEAT_FILE

STALLED_FILE = "stalled.txt"
BEAT_S = 1.0
# What a new process takes on a busy machine before it trains: it imports torch, reads data and may compile.
START_S = 60.0
# Of the time after which the process is ended, so that there is time left to write down what it was at.
SHARE_BEFORE_TRACE = 0.75


@contextmanager
def beating(folder: Path, timeout_s: float) -> Iterator[Callable[[], None]]:
    """Yield what is to be called after each bit of progress, and at the start; it takes no time when called often.

    A process that makes no progress for most of ``timeout_s`` seconds writes where each of its threads stands into a
    file in ``folder``, beside the heartbeat. Both are gone at the end; those of a process that is ended stay.
    """
    trace, beaten = folder / STALLED_FILE, 0.0

    def beat() -> None:
        nonlocal beaten
        if time.monotonic() - beaten < BEAT_S:
            return
        beaten = time.monotonic()
        (folder / HEARTBEAT_FILE).touch()
        faulthandler.dump_traceback_later(SHARE_BEFORE_TRACE * timeout_s, file=written)

    def remove() -> None:
        (folder / HEARTBEAT_FILE).unlink(missing_ok=True)
        trace.unlink(missing_ok=True)

    with trace.open("w", encoding="utf-8") as written:
        faulthandler.dump_traceback_later(START_S + SHARE_BEFORE_TRACE * timeout_s, file=written)
        try:
            yield beat
        except SystemExit:  # so a process ends that is asked to before it is killed
            raise
        except BaseException:
            remove()
            raise
        else:
            remove()
        finally:
            faulthandler.cancel_dump_traceback_later()
