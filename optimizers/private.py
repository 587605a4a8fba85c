"""Files and folders that are this user's alone: made so, and refused where another user can have written to them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from optimizers.errors import InputError
from optimizers.files import atomic_write

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def write_private(path: Path, text: str) -> None:
    """Put a text in place of a file, which its owner alone can read from its first moment on.

    A link that stands there is replaced, not followed.
    """
    with atomic_write(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def make_private(folder: Path, *, mode: int = 0o700) -> Path:
    """Make a folder that its owner alone can use, and return it; one that is there is checked by `check_own`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=mode)
    except FileExistsError:
        check_own(folder)
    return folder


def check_own(path: Path) -> None:
    """Raise InputError where another user than this one and root owns a file or folder, or may write to it."""
    found = path.stat()
    if found.st_uid not in (os.getuid(), 0):
        raise InputError(f"{path}: it belongs to another user, who could have put anything there; name one of your own")
    if found.st_mode & _OTHERS_MAY_WRITE:
        raise InputError(
            f"{path}: other users may write there and could have put anything there; empty it, if you do not know "
            f"what it holds, and run: chmod go-w {path}"
        )


def check_place(folder: Path) -> None:
    """Raise InputError for a folder in which another user can replace what this one makes there.

    A user's own group counts as the user: on many systems nobody else is in it.
    """
    found = folder.stat()
    others = stat.S_IWOTH | (0 if found.st_gid == os.getgid() else stat.S_IWGRP)
    is_open = found.st_mode & others and not found.st_mode & stat.S_ISVTX
    if is_open or found.st_uid not in (os.getuid(), 0):
        raise InputError(
            f"{folder}: another user can replace what is made there; name a folder of your own, or one that only lets "
            "users remove what is theirs, as /tmp does (mode 1777)"
        )
