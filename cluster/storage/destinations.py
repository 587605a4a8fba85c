"""Files and folders that a command is told to write, checked before its work and not after it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizers import InputError
from optimizers.files import write_text


def check_output_file(option: str, path: Path) -> None:
    """Raise InputError unless a file can be put there, whole, in place of one that may be there; nothing is made."""
    folder = path.resolve().parent
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(f"{option} {path}: this name is too long") from None
    if path.is_dir():
        raise InputError(f"{option} {path}: this is a folder; name a file")
    if not folder.is_dir():
        raise InputError(f"{option} {path}: there is no folder {folder}")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"{option} {path}: this file cannot be written")
    is_special = path.exists() and not path.is_file()  # a pipe or a terminal, which nothing replaces
    if not is_special and not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{option} {path}: {folder} cannot be written")


def check_output_folder(option: str, path: Path) -> None:
    """Raise InputError unless files can be written into that folder, which may be yet to be made; nothing is made."""
    there = next(folder for folder in (path.resolve(), *path.resolve().parents) if folder.exists())
    if not there.is_dir():
        raise InputError(f"{option} {path}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{option} {path}: {there} cannot be written")


def write_json(path: Path, contents: Mapping[str, Any]) -> None:
    """Put it in place of a file whole or not at all; a pipe or a terminal is written to as it is."""
    text = json.dumps(contents, indent=2)
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
    else:
        write_text(path.resolve(), text)
