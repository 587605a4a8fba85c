"""Ray's token: whoever holds it runs code on every cluster that this user starts."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from optimizers import InputError
from optimizers.private import write_private

_VARIABLE, _PATH_VARIABLE = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


def token_path() -> Path:
    """Where Ray looks for the token of this user's clusters."""
    return Path(os.environ.get(_PATH_VARIABLE) or "~/.ray/auth_token").expanduser()


def has_token() -> bool:
    """Whether there is a token already, in the environment or in its file."""
    return _VARIABLE in os.environ or token_path().is_file()


def check_token() -> None:
    """Raise InputError where the file of the token belongs to somebody else."""
    if _VARIABLE not in os.environ and token_path().is_file():
        _check_owner(token_path())


def ensure_token() -> None:
    """Make a token unless there is one, and have its file readable by this user alone.

    Ray would make one that everybody may read. Raises InputError for a file that belongs to somebody else.
    """
    if _VARIABLE in os.environ:
        return
    path = token_path()
    if _PATH_VARIABLE not in os.environ:  # the folder is Ray's own
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close(path.parent, 0o700)
    if path.is_file():
        _close(path, 0o600)
    else:
        write_private(path, secrets.token_hex(32))


def _close(path: Path, mode: int) -> None:
    """Take away from others what they may do with a file or folder."""
    _check_owner(path)
    found = path.stat()
    if found.st_uid == os.getuid() and found.st_mode & 0o777 & ~mode:
        path.chmod(found.st_mode & mode)


def _check_owner(path: Path) -> None:
    if path.stat().st_uid not in (os.getuid(), 0):
        raise InputError(f"{path}: it belongs to another user, who could run code as you through Ray; remove it")
