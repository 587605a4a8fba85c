"""Addresses are told apart as MLflow's client and SQLAlchemy do, and never shown with a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.stores.addresses import is_database, is_server, sqlite_path, without_password
from search_spaces.tracking.links import ui_address


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
