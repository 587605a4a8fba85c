"""What every command does with errors: a sentence for each, and an exit code that says whose turn it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from optimizers import InputError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

P = ParamSpec("P")


def clear_errors(command: Callable[P, int | None]) -> Callable[P, None]:
    """Bad input is a line on stderr for each thing that is wrong, and exit code 2.

    A command's return value is its exit code.
    """

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or 0
            if code == INTERRUPTED:
                # What must be saved is saved, and whoever pressed Ctrl-C waits for nothing else.
                sys.stdout.flush()
                os._exit(INTERRUPTED)
        except InputError as error:
            for problem in error.problems:
                typer.echo(f"error: {problem}", err=True)
            code = BAD_INPUT
        raise typer.Exit(code)

    return guarded
