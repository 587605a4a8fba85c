"""Addresses of artefacts that follow a storage folder which was moved or copied.

MLflow records the absolute address of every experiment's and run's artefacts. Where such an address names a folder
``mlflow-artifacts/EXPERIMENT`` in another place, and that folder lies here, the recorded addresses are corrected. So
MLflow's own pages and programs find the artefacts too, and nothing is read from or written to the old place.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from optimizers import InputError
from search_spaces.stores.addresses import sqlite_address, sqlite_path
from trainables.mlflow_contract import ARTIFACTS_FOLDER, Tag

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine


@dataclass(frozen=True)
class _Moved:
    """An experiment whose artefacts lie in ``there`` by the database, and in ``here`` by the file system."""

    experiment_id: int
    there: Path
    here: Path


def correct_addresses(tracking_uri: str, artifacts: Path, experiment: str | None = None) -> None:
    """Correct the addresses of artefacts that lie in the folder ``artifacts``, in one transaction.

    Commands in the notes of their runs, which name the storage folder, follow as well.

    Args:
        tracking_uri: A database of MLflow's. Nothing is done where it is an SQLite file without tables.
        artifacts: The folder ``mlflow-artifacts`` of a storage folder.
        experiment: Name of the only experiment to correct; None for every experiment.
    """
    from sqlalchemy import create_engine

    engine = create_engine(tracking_uri)
    try:
        if _found_moved(engine, artifacts, experiment):
            with engine.begin() as connection:
                for moved in _moved(connection, artifacts, experiment):
                    _correct(connection, moved)
    finally:
        engine.dispose()


@lru_cache
def readable_database(tracking_uri: str) -> str:
    """Return the address at which a database can be read, with the addresses of its artefacts corrected.

    That is ``tracking_uri`` itself, or, for a database with moved artefacts that cannot be written, that of a copy
    which lives as long as this process. Raises InputError for an SQLite file that is not there: MLflow would make it.
    """
    path = sqlite_path(tracking_uri)
    if path is None:
        return tracking_uri
    if not path.is_file():
        raise InputError(
            f"{path}: no runs here yet; start with `adamant run quickstart`, or name a database with --tracking-uri"
        )
    artifacts = path.resolve().parent / ARTIFACTS_FOLDER
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        correct_addresses(tracking_uri, artifacts)
        return tracking_uri
    from sqlalchemy import create_engine

    engine = create_engine(tracking_uri)
    moved = _found_moved(engine, artifacts, None)
    engine.dispose()
    return _corrected_copy(path, artifacts) if moved else tracking_uri


def _corrected_copy(path: Path, artifacts: Path) -> str:
    copy = Path(_copies().name) / path.name
    copyfile(path, copy)
    correct_addresses(sqlite_address(copy), artifacts)
    return sqlite_address(copy)


@lru_cache
def _copies() -> tempfile.TemporaryDirectory[str]:
    """Return the folder of copies; it is removed when this process ends."""
    return tempfile.TemporaryDirectory(prefix="adamant-")


def _found_moved(engine: Engine, artifacts: Path, experiment: str | None) -> bool:
    from sqlalchemy import inspect

    with engine.connect() as connection:
        return inspect(connection).has_table("experiments") and bool(_moved(connection, artifacts, experiment))


def _moved(connection: Connection, artifacts: Path, experiment: str | None) -> list[_Moved]:
    from sqlalchemy import column, select, table

    columns = (column("experiment_id"), column("name"), column("artifact_location"))
    rows = connection.execute(select(*columns).select_from(table("experiments"))).all()
    found = []
    for experiment_id, name, location in rows:
        parts = urlsplit(location or "")
        there = Path(url2pathname(parts.path))
        here = artifacts / there.name
        named = experiment in (None, name) and parts.scheme == "file" and there.parent.name == ARTIFACTS_FOLDER
        if named and here.is_dir() and not _is_same(here, there):
            found.append(_Moved(experiment_id, there, here))
    return found


def _is_same(here: Path, there: Path) -> bool:
    """Whether both are one folder, which may be mounted in two places."""
    try:
        return here.samefile(there)
    except OSError:  # it is gone, or belongs to somebody else
        return False


def _correct(connection: Connection, moved: _Moved) -> None:
    from sqlalchemy import column, func, literal, select, table, update

    experiments = table("experiments", column("experiment_id"), column("artifact_location"))
    runs = table("runs", column("run_uuid"), column("experiment_id"), column("artifact_uri"))
    tags = table("tags", column("run_uuid"), column("key"), column("value"))
    there, here = moved.there.as_uri(), moved.here.as_uri()
    mine = runs.c.experiment_id == moved.experiment_id
    connection.execute(
        update(experiments).where(experiments.c.experiment_id == moved.experiment_id).values(artifact_location=here)
    )
    connection.execute(
        update(runs)
        .where(mine, runs.c.artifact_uri.startswith(f"{there}/", autoescape=True))
        .values(artifact_uri=literal(here) + func.substr(runs.c.artifact_uri, len(there) + 1))
    )
    commands = [f"--storage {shlex.quote(str(folder.parent.parent))}" for folder in (moved.there, moved.here)]
    connection.execute(
        update(tags)
        .where(tags.c.key == Tag.NOTE, tags.c.run_uuid.in_(select(runs.c.run_uuid).where(mine)))
        .values(value=func.replace(tags.c.value, *commands))
    )
