"""Addresses that no runs can be written to are refused with a sentence."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import pytest

from cluster.planning.preflight import check_tracking
from optimizers import InputError
from tests.conftest import without_privileges

REFUSED = {
    "http://user:p@ss@127.0.0.1:9": r"http://user:\*\*\*@127\.0\.0\.1:9: no MLflow server answers there \(.*refused",
    "HTTP://127.0.0.1:9": "no MLflow server answers there",
    "http://local host:5999": "no MLflow server answers there",
    "http://localhost:abc": "no MLflow server answers there",
    "https://": "names no host",
    "http://[::1:5000": "not the address of a server",
    "localhost:5999": r"write the address of an MLflow server \(http://...\)",
    "./mlruns": "write the address of an MLflow server",
    "file:///tmp/mlruns": "plain files are not supported",
    "postgresql": "write the address of an MLflow server",
    "postgresql://u:secret@[::1": r"u:\*\*\*@\[::1: this database cannot be used",
    "postgresql+psycopg2://u:se:c#et@127.0.0.1:9/x": r"u:\*\*\*@127.0.0.1:9/x: this database cannot be used",
    "mysql+nodriver://u:secret@127.0.0.1/x": r"u:\*\*\*@127.0.0.1/x: this database cannot be used",
    "databricks": "Databricks names experiments",
    "databricks://profile": "Databricks names experiments",
    "uc:foo": "holds models and no runs",
    "sqlite:////etc/passwd": "this database cannot be used",
    "sqlite:////etc/passwd/x.db": "/etc/passwd cannot be written",
    "sqlite:///:memory:": "in memory ends with this process",
    "sqlite://": "in memory ends with this process",
}


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(InputError, match=REFUSED[address]) as refused:
        check_tracking(address)
    message = str(refused.value)
    assert not any(password in message for password in ("p@ss", "secret", "se:c#et"))


def test_a_database_in_a_folder_that_cannot_be_written_is_refused() -> None:
    """SQLite keeps a journal beside it while it is written."""
    with tempfile.TemporaryDirectory() as closed:
        database = Path(closed) / "mlflow.db"
        sqlite3.connect(database).execute("CREATE TABLE experiments (id)").connection.close()
        database.chmod(0o666)
        Path(closed).chmod(0o555)
        with without_privileges(), pytest.raises(InputError, match=f"{closed} cannot be written"):
            check_tracking(f"sqlite:///{database}")


def test_a_database_that_is_yet_to_be_made_is_taken_and_not_made(tmp_path: Path) -> None:
    check_tracking(f"sqlite:///{tmp_path}/x/y/z.db?timeout=5")
    assert not any(tmp_path.iterdir())
