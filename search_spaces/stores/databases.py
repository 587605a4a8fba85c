"""Databases that are made whole or not at all, and what is known of one that fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, InvalidRequestError, OperationalError

from search_spaces.stores.addresses import sqlite_path

# What SQLite keeps beside a database while it is written.
_COMPANIONS = ("-journal", "-wal", "-shm")
# What asking SQLite again does not mend. Primary codes of https://sqlite.org/rescode.html.
_LASTING = (
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
)


def is_missing(address: str) -> bool:
    """Return whether an address names an SQLite database that is yet to be made: no file, or an empty one."""
    path = sqlite_path(address)
    return path is not None and (not path.exists() or path.stat().st_size == 0)


def make_whole(address: str, make: Callable[[str], None]) -> None:
    """Make an SQLite database under another name and rename it when it is whole; nothing where there is one.

    Args:
        address: The database's URL. Nothing is done for one that is no SQLite file.
        make: Makes the database at the URL that it is given and closes it. A process that is killed in the middle of
            this leaves nothing under the database's own name. Of several processes one makes it, the others wait.
    """
    path = sqlite_path(address)
    if path is None or not is_missing(address):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with FileLock(path.with_name(f".{path.name}.lock")):
        if not is_missing(address):
            return
        for left in (temporary, *_companions(temporary), *_companions(path)):
            left.unlink(missing_ok=True)
        make(make_url(address).set(database=str(temporary)).render_as_string(hide_password=False))
        temporary.replace(path)


def _companions(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in _COMPANIONS]


def is_of_the_file(cause: BaseException | None) -> bool:
    """Return whether an SQLite file itself is the trouble, such as on a full disk, and nobody else who is using it."""
    error = getattr(cause, "orig", None)
    if not isinstance(error, sqlite3.Error) or isinstance(error, sqlite3.IntegrityError):
        return False
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY) & 0xFF  # the upper bits say more of the same
    return code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_of_the_connection(cause: BaseException | None) -> bool:
    """Return whether an error is of a database that is away or busy, or of a transaction that was cut off with it."""
    if isinstance(cause, DBAPIError):
        code = getattr(cause.orig, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _LASTING:
            return False
        lost = isinstance(cause, OperationalError | InterfaceError | InternalError)
        return lost or cause.connection_invalidated
    return isinstance(cause, InvalidRequestError)
