"""``adamant new``: a folder to begin a question of one's own from."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from cluster.console.command_line import clear_errors, echo
from optimizers import InputError
from optimizers.files import atomic_write

_PROJECT = Path(__file__).resolve().parent / "new_project"
_NAME = "my-question"


@clear_errors
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; its name becomes that of the sweep.")],
) -> None:
    """Make a folder with an optimizer, a workload, a sweep and tests, to be changed into one's own."""
    name = folder.resolve().name
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", name):
        raise InputError(f'{name}: a sweep\'s name has small letters, digits, ".", "_" and "-", as in {_NAME}')
    if folder.exists():
        raise InputError(f"{folder}: is there already; name a folder that is not")
    if not folder.resolve().parent.is_dir():
        raise InputError(f"{folder}: there is no folder {folder.resolve().parent}")
    with atomic_write(folder.resolve()) as temporary:
        shutil.copytree(_PROJECT, temporary, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
        for file in temporary.iterdir():
            file.write_text(file.read_text(encoding="utf-8").replace(_NAME, name), encoding="utf-8")
    for file in sorted(folder.iterdir()):
        echo(folder / file.name)
    echo(f"Next: cd {folder} && pytest, then adamant run sweep.yaml")
