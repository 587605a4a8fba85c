"""Whether the code that a sweep uses may be executed: one's own is, that of somebody else only where one says so."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import typer

from optimizers import InputError
from optimizers.shown_text import shown
from optimizers.user_code import CodeBundle


def check_trust(code: CodeBundle, source: str, *, trusted: bool) -> None:
    """Return where ``code`` may be executed; ask at a terminal where its files are not this user's own.

    Raises InputError for a refusal, and where there is no terminal. ``source`` says in errors what brings the code.
    """
    strangers = [] if trusted else [path for path in _places(code) if not _is_own(path)]
    if not strangers:
        return
    told = f"{source} executes {', '.join(code.described())}, and {strangers[0]} is not this user's own alone"
    if sys.stdin.isatty() and sys.stderr.isatty():
        typer.echo(f"{shown(told)}.", err=True)
        if typer.confirm("Execute it?", err=True):
            return
        raise InputError(f"{source}: nothing was executed")
    raise InputError(f"{told}; read them, and give --trust to execute them")


def _places(code: CodeBundle) -> list[Path]:
    """The files of the bundle and the folders that they lie in."""
    files = [Path(code.location) / name for name in code.files]
    return list(dict.fromkeys([*(file.parent for file in files), *files]))


def _is_own(path: Path) -> bool:
    """Whether nobody but this user and root can have written it."""
    try:
        found = path.stat()
    except OSError:
        return False
    shared = bool(found.st_mode & stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    return found.st_uid in (os.getuid(), 0) and not shared
