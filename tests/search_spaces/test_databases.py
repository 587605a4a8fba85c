"""A database is there whole or not at all, and one of another version is named with the command that mends it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import optuna
import pytest

from optimizers import InputError
from search_spaces.stores.databases import make_whole
from search_spaces.stores.study_storage import open_storage

KILLED = """
import os, sqlite3, sys
from search_spaces.stores.databases import make_whole
def make(address):
    database = sqlite3.connect(address.removeprefix("sqlite:///"))
    database.execute("create table first (id)")
    database.execute("begin")
    database.execute("insert into first values (1)")
    os._exit(9)
make_whole(sys.argv[1], make)
"""


def make_table(address: str) -> None:
    database = sqlite3.connect(address.removeprefix("sqlite:///").partition("?")[0])
    database.execute("create table whole (id)")
    time.sleep(0.2)
    database.close()


def tables(path: Path) -> list[str]:
    return [name for (name,) in sqlite3.connect(path).execute("select name from sqlite_master")]


def test_a_process_killed_while_it_makes_a_database_leaves_none(tmp_path: Path) -> None:
    path = tmp_path / "new" / "runs.db"
    assert subprocess.run([sys.executable, "-c", KILLED, f"sqlite:///{path}"], check=False).returncode == 9
    assert not path.exists()
    make_whole(f"sqlite:///{path}?timeout=5", make_table)
    assert tables(path) == ["whole"]
    assert sorted(left.name for left in path.parent.iterdir()) == [".runs.db.lock", "runs.db"]


def test_of_several_at_once_one_makes_it_and_what_is_there_stays(tmp_path: Path) -> None:
    address, made = f"sqlite:///{tmp_path / 'runs.db'}", []

    def make(temporary: str) -> None:
        made.append(temporary)
        make_table(temporary)

    threads = [threading.Thread(target=make_whole, args=(address, make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    make_whole(address, make)
    assert len(made) == 1
    assert tables(tmp_path / "runs.db") == ["whole"]


def test_a_file_without_content_and_the_journal_of_a_lost_database_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "runs.db").touch()
    (tmp_path / "runs.db-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\1" * 600)
    make_whole(f"sqlite:///{tmp_path / 'runs.db'}", make_table)
    assert tables(tmp_path / "runs.db") == ["whole"]


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("v2.6.0.a", "backup of it, then run: optuna storage upgrade --storage sqlite"),
        ("v9.9.9", "newer Optuna"),
    ],
)
def test_a_study_database_of_another_optuna_is_refused_with_the_command(
    tmp_path: Path, version: str, remedy: str
) -> None:
    address = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.create_study(study_name="kept", storage=open_storage(address))
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("update alembic_version set version_num = ?", (version,))
    with pytest.raises(InputError, match=remedy):
        open_storage(address)


def test_a_refusal_of_the_study_database_is_not_taken_for_absence(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'study.db'}")
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("drop table studies")
    began = time.monotonic()
    with pytest.raises(OSError, match="the study's database cannot be used"):
        storage.get_all_studies()
    assert time.monotonic() - began < 5
