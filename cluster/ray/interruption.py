"""Signals that end a sweep so that it can be gone on with: Ctrl-C, a scheduler's SIGTERM, a terminal that is closed."""

from __future__ import annotations

import signal
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_received = threading.Event()


def interrupt_on_signals(before: Callable[[], None]) -> None:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread as Ctrl-C does; ``before`` is called first."""
    _received.clear()

    def interrupt(number: int, _frame: types.FrameType | None) -> None:
        _received.set()
        if number != signal.SIGINT:
            before()
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            # nohup ignores SIGHUP, and a shell that starts something in the background SIGINT.
            if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, interrupt)


def is_interrupted() -> bool:
    """Return whether a signal has come since `interrupt_on_signals`.

    What it interrupts may raise something else in place of KeyboardInterrupt, and servers that got it too may end.
    """
    return _received.is_set()


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
