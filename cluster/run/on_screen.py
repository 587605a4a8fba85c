"""What is shown while something goes on: redrawn on a terminal that can, printed now and then where nothing can be."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cluster.run._time_left import in_words
from optimizers.shown_text import shown_line

REFRESHES_PER_SECOND = 2
# On a dumb terminal and in a log something is printed this often.
PRINT_S = 20.0
# Of a terminal that does not say how wide it is.
UNTOLD_WIDTH = 80


def redraws(console: Console) -> bool:
    """Whether lines can be drawn over: a log cannot be, whatever the environment says of colours."""
    return console.is_interactive and console.file.isatty()


def width_of(console: Console) -> int:
    """Columns of the terminal, a dumb one's too, which Rich takes to be 80 wide; a log has no limit."""
    if not console.file.isatty():
        return sys.maxsize
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isdecimal() else os.get_terminal_size(console.file.fileno()).columns or UNTOLD_WIDTH


@contextmanager
def on_screen(console: Console, lines: Callable[[], list[str]], news: Callable[[], list[str]]) -> Iterator[None]:
    """Show ``lines`` while the body runs, or, where they cannot be redrawn, print ``news`` every ``PRINT_S``."""
    if redraws(console):

        def drawn() -> Text:
            return Text("\n".join(map(shown_line, lines())), no_wrap=True, overflow="ellipsis")

        with Live(console=console, get_renderable=drawn, refresh_per_second=REFRESHES_PER_SECOND, transient=True):
            yield
        return
    done = threading.Event()

    def print_now_and_then() -> None:
        while not done.wait(PRINT_S):
            print_lines(console, news())

    printing = threading.Thread(target=print_now_and_then, name="display", daemon=True)
    printing.start()
    try:
        yield
    finally:
        done.set()
        printing.join(PRINT_S)


@contextmanager
def working(console: Console, what: str) -> Iterator[None]:
    """Say what is being done, and for how long already, while the body runs."""
    began = time.monotonic()

    def lines() -> list[str]:
        return [f"{what}, {in_words(time.monotonic() - began)}"]

    if not redraws(console):
        print_lines(console, [f"{what} ..."])
    with on_screen(console, lines, lines):
        yield


def print_lines(console: Console, lines: Sequence[str]) -> None:
    """Print lines as they are: not wrapped, and without markup."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
