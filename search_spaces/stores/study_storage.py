"""Where the Optuna studies live: a journal file, or a database by its URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError
from optimizers.errors import first_line
from search_spaces.stores.addresses import without_password

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
        try:
            return _open_database(location)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - every database driver has its own errors
            reason = without_password(first_line(error))
            raise InputError(f"{without_password(location)}: the study storage cannot be opened ({reason})") from None
    from optuna.storages.journal import JournalFileSymlinkLock

    from search_spaces.stores._journal import WholeLines, drop_torn_line

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
            f"{path}: this study journal is damaged or cannot be opened ({first_line(error)}); "
            "restore it from a copy, or start the sweep anew under another name"
        ) from None


def _open_database(location: str) -> BaseStorage:
    """Raises InputError where the tables are of another Optuna."""
    import optuna

    from search_spaces.stores._patient_storage import PatientStorage
    from search_spaces.stores.databases import make_whole

    make_whole(location, _make_tables)
    database = optuna.storages.RDBStorage(
        location, engine_kwargs={"pool_pre_ping": True}, skip_compatibility_check=True
    )
    found = database.get_current_version()
    if found != database.get_head_version():
        shown = without_password(location)
        remedy = (
            f"make a backup of it, then run: optuna storage upgrade --storage {shown}"
            if found in database.get_all_versions()
            else "install the newer Optuna that made it, for example with: pip install --upgrade optuna"
        )
        raise InputError(
            f"{shown}: the study storage has the schema {found}, which is not that of the installed "
            f"Optuna {optuna.__version__}; {remedy}"
        )
    return PatientStorage(optuna.storages.get_storage(database))


def _make_tables(location: str) -> None:
    import optuna

    optuna.storages.RDBStorage(location).engine.dispose()
