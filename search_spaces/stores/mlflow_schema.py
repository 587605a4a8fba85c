"""Whether the installed MLflow can use a database as it is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from optimizers import InputError
from optimizers.errors import first_line
from search_spaces.stores.addresses import is_database, sqlite_path, without_password

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

# Tables of MLflow's first schema and of every later one.
_EXPERIMENTS, _RUNS = "experiments", "runs"
# Drivers that pip installs without a compiler, by SQLAlchemy's name of the database.
_DRIVERS = {"postgresql": "psycopg2", "mysql": "pymysql", "mssql": "pymssql"}


def check_database(address: str) -> None:
    """Raise InputError for a database in which :func:`database_problem` finds one."""
    problem = database_problem(address)
    if problem:
        raise InputError(f"{without_password(address)}: {problem}")


def database_problem(address: str) -> str:
    """Return why MLflow cannot use a database: no answer, half made, the schema of another MLflow; else nothing.

    MLflow itself would migrate some older databases as soon as it opens them, unasked and without a backup. One that
    holds no tables yet, or is not there yet, is good: MLflow makes its tables in it. So is whatever is no database.
    """
    if not is_database(address):
        return ""
    from search_spaces.stores.databases import is_missing

    try:
        return "" if is_missing(address) else _missing_driver(address) or _problem(address, without_password(address))
    except Exception as error:  # noqa: BLE001 - every database driver has its own errors
        reason = without_password(first_line(error))
        return f"this database cannot be used ({reason})"


def _missing_driver(address: str) -> str:
    from sqlalchemy import make_url

    url = make_url(address)
    try:
        url.get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        database, usual = url.get_backend_name(), _DRIVERS.get(url.get_backend_name())
        another = f", or name another driver in the address, such as {database}+{usual}://" if usual else ""
        return (
            f"the driver of this database is not installed: there is no module {error.name}; install it"
            f"{another if error.name != usual else ''}"
        )
    return ""


def _problem(address: str, shown: str) -> str:
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine, inspect

    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            if not tables:
                return ""
            found = MigrationContext.configure(connection).get_current_heads()
            return _difference(shown, found, tables, holds_runs=_RUNS in tables and _has_rows(connection))
    finally:
        engine.dispose()


def _has_rows(connection: Connection) -> bool:
    from sqlalchemy import column, select, table

    return connection.execute(select(column("run_uuid")).select_from(table(_RUNS)).limit(1)).first() is not None


def _difference(shown: str, found: Sequence[str], tables: Sequence[str], *, holds_runs: bool) -> str:
    """What is wrong with a database of these revisions and tables; empty when nothing is."""
    import mlflow
    from alembic.script import ScriptDirectory

    spec = find_spec("mlflow.store.db_migrations")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the installed MLflow lacks its migrations, mlflow.store.db_migrations")
    script = ScriptDirectory(spec.submodule_search_locations[0])
    current, known = set(script.get_heads()), {revision.revision for revision in script.walk_revisions()}
    if set(found) == current:
        return ""
    version, names = f"MLflow {mlflow.__version__}", ", ".join(found)
    if _EXPERIMENTS not in tables:
        return f"its tables are those of another program (schema {names}); name a database for MLflow" if found else ""
    if not holds_runs and (not found or set(found) < known):
        remedy = f"rename {sqlite_path(shown)}" if sqlite_path(shown) else "drop its tables"
        return f"MLflow's tables in it are incomplete, and it holds no run; {remedy}, and a new database is made"
    if set(found) <= known:
        return (
            f"its schema ({names or 'without a version'}) is of an MLflow older than the installed {version}; "
            f"make a backup of it, then run: mlflow db upgrade {shown}"
        )
    return (
        f"its schema ({names}) is unknown to the installed {version}, so it is of a newer MLflow; "
        "install that one, for example with: pip install --upgrade mlflow"
    )
