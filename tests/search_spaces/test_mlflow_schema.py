"""A database that the installed MLflow cannot use is named before anything starts, and stays as it is."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from analysis import load
from cluster.cli.ui import mlflow_server
from cluster.planning.preflight import check_tracking
from cluster.run.replay import replay_run
from optimizers import InputError
from search_spaces.stores.mlflow_schema import database_problem

OLDER, NEWER = "0584bdc529eb", "ffffffffffff"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a run."""
    path = tmp_path_factory.mktemp("made") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").create_run("0")
    return path


def changed(made: Path, folder: Path, *statements: str) -> str:
    path = folder / "mlflow.db"
    shutil.copy(made, path)
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    return f"sqlite:///{path}"


def test_what_mlflow_can_use_is_good(made: Path, tmp_path: Path) -> None:
    assert database_problem(f"sqlite:///{made}") == ""
    assert database_problem(f"sqlite:///{tmp_path / 'none.db'}") == ""
    sqlite3.connect(tmp_path / "empty.db").close()
    assert database_problem(f"sqlite:///{tmp_path / 'empty.db'}") == ""
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("ask", ["run", "report", "ui", "replay"])
def test_an_older_schema_is_refused_everywhere_with_the_upgrade_command(made: Path, tmp_path: Path, ask: str) -> None:
    address = changed(made, tmp_path, f"update alembic_version set version_num = '{OLDER}'")
    calls = {
        "run": lambda: check_tracking(address),
        "report": lambda: load("betas", address),
        "ui": lambda: mlflow_server(address, 5000),
        "replay": lambda: replay_run("0" * 32, address, tmp_path, str(tmp_path)),
    }
    before = (tmp_path / "mlflow.db").read_bytes()
    advice = f"older than the installed MLflow {mlflow.__version__}; make a backup of it, then run: mlflow db upgrade"
    with pytest.raises(InputError, match=advice):
        calls[ask]()
    assert (tmp_path / "mlflow.db").read_bytes() == before


@pytest.mark.parametrize(
    ("statements", "problem"),
    [
        ([f"update alembic_version set version_num = '{NEWER}'"], "pip install --upgrade mlflow"),
        (["delete from runs", f"update alembic_version set version_num = '{OLDER}'"], "it holds no run; rename "),
        (["delete from runs", "drop table alembic_version"], "it holds no run; rename "),
        (["drop table alembic_version"], "mlflow db upgrade"),
        (["drop table experiments", f"update alembic_version set version_num = '{NEWER}'"], "of another program"),
    ],
)  # fmt: skip
def test_other_states_are_told_apart(made: Path, tmp_path: Path, statements: list[str], problem: str) -> None:
    assert problem in database_problem(changed(made, tmp_path, *statements))


@pytest.mark.parametrize(
    ("address", "module", "advice"),
    [
        ("mysql://u:secret@h/x", "MySQLdb", "; install it, or name another driver in the address, such as mysql+pymysql://"),
        ("mysql+pymysql://u:secret@h/x", "pymysql", "; install it"),
        ("postgresql+asyncpg://u:secret@h/x", "asyncpg", ", such as postgresql+psycopg2://"),
        ("mssql://u:secret@h/x", "pyodbc", ", such as mssql+pymssql://"),
    ],
)  # fmt: skip
def test_a_driver_that_is_not_installed_is_named(address: str, module: str, advice: str) -> None:
    problem = database_problem(address)
    assert problem.startswith(f"the driver of this database is not installed: there is no module {module}; install it")
    assert problem.endswith(advice)


def test_another_module_that_is_missing_is_no_driver(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "alembic.migration", None)
    problem = database_problem(f"sqlite:///{made}")
    assert "driver" not in problem
    assert "alembic.migration" in problem
