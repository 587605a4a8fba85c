"""Addresses are told apart as MLflow's client and SQLAlchemy do, and never shown with a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import load
from cluster.planning.preflight import check_study_storage, check_tracking
from cluster.storage.locations import absolute
from optimizers import InputError
from search_spaces import parse_sweep
from search_spaces.stores.addresses import is_database, is_server, sqlite_path, without_password
from search_spaces.stores.mlflow_schema import check_database
from search_spaces.stores.study_storage import open_storage
from search_spaces.tracking.links import ui_address
from tests.search_spaces.test_broken_storage import SWEEP


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql+psycopg2://adamant:secret@127.0.0.1:5432/optuna", "postgresql+psycopg2://adamant:***@127.0.0.1:5432/optuna"),
        ("http://user:p@ss@localhost:5999", "http://user:***@localhost:5999"),
        ("http://user:secret@localhost", "http://user:***@localhost"),
        ("https://user:pa/ss?w#rd@host/mlflow", "https://user:***@host/mlflow"),
        ("postgresql+psycopg2://u:se:c#et@localhost:1/x", "postgresql+psycopg2://u:***@localhost:1/x"),
        ("redis://:secret@cache:6379/0", "redis://:***@cache:6379/0"),
        ("postgresql://h/x?user=u&password=secret&sslmode=require", "postgresql://h/x?user=u&password=***&sslmode=require"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dsecret", "mssql+pyodbc:///?odbc_connect=***"),
        ("API request to http://u:secret@h/api failed", "API request to http://u:***@h/api failed"),
        ("postgres://u:secret@h/x", "postgres://u:***@h/x"),
        ("http://h/?access-token=secret&x=1", "http://h/?access-token=***&x=1"),
        ("https://h/mlflow?api_key=secret;sslkey=1", "https://h/mlflow?api_key=***;sslkey=1"),
        ("connection to host=h user=u password=secret failed", "connection to host=h user=u password=*** failed"),
        ("MLFLOW_TRACKING_PASSWORD=secret adamant", "MLFLOW_TRACKING_PASSWORD=*** adamant"),
        ("Authorization: Bearer c2VjcmV0 was refused", "Authorization: Bearer *** was refused"),
    ],
)  # fmt: skip
def test_passwords_are_hidden(address: str, shown: str) -> None:
    assert without_password(address) == shown


@pytest.mark.parametrize(
    "address",
    ["/somewhere/study.journal", "sqlite:////somewhere/mlflow.db", "http://127.0.0.1:5000", "http://user@host", ""],
)
def test_what_holds_no_password_is_shown_as_it_is(address: str) -> None:
    assert without_password(address) == address


def test_links_hold_neither_user_nor_password() -> None:
    assert ui_address("HTTPS://user:p@ss@host:5000/mlflow/") == "https://host:5000/mlflow"
    assert ui_address("https://host:5000/mlflow?token=secret#x") == "https://host:5000/mlflow"
    assert ui_address("sqlite:///runs.db") == "http://127.0.0.1:5000"


def test_kinds_of_addresses() -> None:
    assert is_server("HTTP://localhost:5999")
    assert not is_server("httpd/mlruns")
    assert is_database("mysql+pymysql://u@h/x")
    assert not is_database("postgresql")
    assert sqlite_path("sqlite:///x.db?timeout=5") == Path("x.db")
    assert sqlite_path("sqlite+pysqlite:////a/x.db") == Path("/a/x.db")
    for other in ("sqlite://", "sqlite:///:memory:", "http://localhost"):
        assert sqlite_path(other) is None


@pytest.mark.parametrize("address", ["sqlite:///file:runs.db?uri=true", "sqlite+pysqlite:///file:/a/runs.db?mode=ro"])
def test_a_uri_in_an_sqlite_address_is_refused_everywhere(address: str, tmp_path: Path) -> None:
    sweep = parse_sweep(SWEEP)
    for take in (
        sqlite_path,
        absolute,
        check_tracking,
        check_database,
        open_storage,
        lambda one: check_study_storage(one, sweep),
        lambda one: load("betas", one),
    ):
        with pytest.raises(InputError, match="file: addresses are not taken; name the file itself, as in sqlite:///"):
            take(address)
    assert not list(tmp_path.iterdir())
