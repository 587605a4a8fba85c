"""Addresses of servers and databases: what kind one is, and how it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from optimizers import InputError

HIDDEN = "***"
# SQLAlchemy's names of the databases that MLflow uses.
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
# The user's name ends at the first colon. The password ends at the last "@", as one that is not percent-encoded may
# hold any character, "@" and "/" among them.
_USERINFO = re.compile(r"(://[^:/?#@\s]*):.*@", re.DOTALL)
# In a query, and in what a driver says of how it connects.
_SETTING = re.compile(
    r"((?:^|[?&;,\s'\"(])[\w-]*(?:password|passwd|pwd|token|secret|api[_-]?key|access[_-]?key|signature|credential"
    r"|odbc_connect)[\w-]*=)[^&;\s]+",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\b(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer)\s+)\S+", re.IGNORECASE)


def without_password(text: str) -> str:
    """Return an address, or a message that quotes one, with ``***`` in place of its password."""
    hidden = _USERINFO.sub(rf"\1:{HIDDEN}@", text)
    return _HEADER.sub(rf"\1{HIDDEN}", _SETTING.sub(rf"\1{HIDDEN}", hidden))


def is_server(address: str) -> bool:
    """Return whether an address is that of an HTTP server."""
    return scheme_of(address) in ("http", "https")


def is_database(address: str) -> bool:
    """Return whether an address is that of a database which MLflow can use."""
    return scheme_of(address).partition("+")[0] in DATABASES


def scheme_of(address: str) -> str:
    """Return the scheme in lower case; empty for a path."""
    scheme, separator, _ = address.partition(":")
    return scheme.lower() if separator and re.fullmatch(r"[a-zA-Z][\w+.-]*", scheme) else ""


def without_userinfo(address: str) -> str:
    """Return a server's address as a browser opens it: without user, password, query and final slash."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")).rstrip("/")


def sqlite_path(address: str) -> Path | None:
    """Return the file of an SQLite database; None for one in memory and for any other address.

    Raises ValueError for an address that cannot be parsed, and InputError for a file that is named by a URI of SQLite's
    own: MLflow, SQLAlchemy and SQLite each read another path in it.
    """
    if scheme_of(address).partition("+")[0] != "sqlite":
        return None
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        database = make_url(address).database
    except ArgumentError as error:
        raise ValueError(str(error)) from None
    if not database or database == ":memory:" or database.startswith("file::memory:"):
        return None
    if database.startswith("file:"):
        raise InputError(f"{address}: file: addresses are not taken; name the file itself, as in sqlite:///runs.db")
    return Path(database)


def sqlite_address(path: str | Path, address: str = "sqlite://") -> str:
    """Return the address of an SQLite file, with the options of another ``address``.

    A path with ``?``, ``%`` or ``#`` is percent-encoded. MLflow would make the folder of the encoded path as well, but
    not where the address names the driver.
    """
    from sqlalchemy.engine import make_url

    url = make_url(address).set(database=str(path))
    plain = f"///{path}" in url.render_as_string(hide_password=False)
    return url.set(drivername="sqlite" if plain else "sqlite+pysqlite").render_as_string(hide_password=False)
