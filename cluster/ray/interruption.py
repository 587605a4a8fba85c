"""Signals that end a sweep so that it can be gone on with: Ctrl-C, a scheduler's SIGTERM, a terminal that is closed."""

from __future__ import annotations

import signal
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_signals(before: Callable[[], None]) -> None:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread as Ctrl-C does; ``before`` is called first."""

    def interrupt(_signal: int, _frame: types.FrameType | None) -> None:
        before()
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(signal.SIGHUP, interrupt)


def ignore_signals() -> None:
    """Let no further signal cut off what is being saved."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def own_handlers() -> Iterator[None]:
    """Keep this process's handlers while Ray starts, which puts its own in their place, in Python and in C++."""
    kept = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    except SystemExit:  # by Ray's own handler of a SIGTERM, before this process's is back
        raise KeyboardInterrupt from None
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in kept.items():
                signal.signal(number, handler)
