"""Where the Optuna studies live: a journal file, or a database by its URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

# A driver that is killed while it holds the journal's lock leaves it behind; a lock this old belongs to nobody,
# because it is held for one append at a time. Optuna's own limit is 30 s.
STALE_LOCK_S = 3


def open_storage(location: str) -> BaseStorage:
    """The Optuna storage at a database URL or a journal file's path.

    Raises InputError when the database does not answer or the file is no journal.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if "://" in location:
        from search_spaces.patient_storage import PatientStorage

        try:
            database = optuna.storages.RDBStorage(location, engine_kwargs={"pool_pre_ping": True})
            return PatientStorage(optuna.storages.get_storage(database))
        except Exception as error:  # noqa: BLE001 - every database driver has its own errors
            shown = without_password(location)
            raise InputError(f"{shown}: the study storage cannot be opened ({_first_line(error)})") from None
    from optuna.storages.journal import JournalFileSymlinkLock

    from search_spaces.journal import WholeLines, drop_torn_line

    # With a relative path Optuna's lock links to a file that is not there and waits for ever.
    path = Path(location).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileSymlinkLock(str(path), grace_period=STALE_LOCK_S)
    try:
        lock.acquire()
        try:
            drop_torn_line(path)
        finally:
            lock.release()
        return optuna.storages.JournalStorage(WholeLines(str(path), lock_obj=lock))
    except Exception as error:  # noqa: BLE001 - Optuna raises many types for a damaged line
        raise InputError(
            f"{path}: this study journal is damaged or cannot be opened ({_first_line(error)}); "
            "restore it from a copy, or start the sweep anew under another name"
        ) from None


def without_password(location: str) -> str:
    """A database's address, or anything else that holds one, as it may be shown."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(location).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):  # it is no address, and so holds no password
        return location


def _first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
