"""Files and folders that a command is told to write, checked before its work and not after it."""

from __future__ import annotations

import os
from pathlib import Path

from optimizers import InputError


def check_output_file(option: str, path: Path) -> None:
    """Raise InputError unless a file can be written there; nothing is made."""
    if path.is_dir():
        raise InputError(f"{option} {path}: this is a folder; name a file")
    if not path.resolve().parent.is_dir():
        raise InputError(f"{option} {path}: there is no folder {path.resolve().parent}")
    if not os.access(path if path.exists() else path.resolve().parent, os.W_OK):
        raise InputError(f"{option} {path}: this file cannot be written")


def check_output_folder(option: str, path: Path) -> None:
    """Raise InputError unless files can be written into that folder, which may be yet to be made; nothing is made."""
    there = next(folder for folder in (path.resolve(), *path.resolve().parents) if folder.exists())
    if not there.is_dir():
        raise InputError(f"{option} {path}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{option} {path}: {there} cannot be written")
