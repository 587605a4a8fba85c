"""What every command does with errors: a sentence for each, and an exit code that says whose turn it is."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import click
import typer

from cluster.console._output import drop_what_cannot_be_written, lost_output
from optimizers import InputError
from optimizers.errors import first_line
from optimizers.shown_text import shown
from search_spaces.stores.addresses import without_password

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
# Errors of what a command works with; a module that is not loaded has raised none.
_SERVICES = (
    ("ray.exceptions", "RayError"),
    ("sqlalchemy.exc", "SQLAlchemyError"),
    ("optuna.exceptions", "StorageInternalError"),
    ("mlflow.exceptions", "MlflowException"),
)

P = ParamSpec("P")


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print a text without its control characters, which would be commands to a terminal."""
    typer.echo(shown(text), err=err, nl=nl)


def clear_errors(command: Callable[P, int | None]) -> Callable[P, None]:
    """Tell errors on stderr, with exit code 2 for bad input, 130 for Ctrl-C, and 1 for all others.

    Bad input is a line for each thing that is wrong, any other error one sentence.

    A command's return value is its exit code. One that returns None is there for what it prints, and fails where that
    cannot be written.
    """

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        drop_what_cannot_be_written()
        try:
            code = command(*args, **kwargs)
            if code is None and (error := lost_output()) is not None:
                raise error
        except InputError as error:
            for problem in error.problems:
                echo(f"error: {without_password(str(problem))}", err=True)
            code = BAD_INPUT
        except KeyboardInterrupt:
            # What must be saved is saved, and whoever pressed Ctrl-C waits for nothing else.
            sys.stdout.flush()
            os._exit(INTERRUPTED)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends in one sentence
            echo(f"error: {told(error)}", err=True)
            code = FAILED
        raise typer.Exit(code or 0)

    return guarded


def told(error: Exception) -> str:
    """Return an error as one sentence, without a full stop; print the traceback of one that nobody has foreseen."""
    foreseen = [getattr(sys.modules.get(module), name, OSError) for module, name in _SERVICES]
    # Of SQLAlchemy's, what the database said.
    said = without_password(first_line(getattr(error, "orig", None) or error))
    if isinstance(error, (OSError, *foreseen)):
        return said.rstrip(".")
    for line in "".join(traceback.format_exception(error)).splitlines():
        echo(without_password(line), err=True)
    return f"{type(error).__name__}: {said} (the fault is Adamant's; please report it as shown above)"
