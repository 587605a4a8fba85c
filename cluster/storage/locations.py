"""Locations of what a sweep keeps: a path, the address of an SQLite file, or that of a server."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from optimizers import InputError
from search_spaces.stores.addresses import is_server, sqlite_address, sqlite_path, without_password

# Before the name of the environment variable that holds the location.
FROM_ENVIRONMENT = "environment:"


_PASSWORDS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_NAMING = ("ADAMANT_TRACKING_URI", "MLFLOW_TRACKING_URI")
# Servers that this process was told of by its user.
_named: set[str] = set()


def name_server(address: str) -> None:
    """Remember a server that a user has named, as one that may be sent the password in the environment."""
    _named.add(address)


def checked_server(address: str) -> str:
    """Return an address. Raises InputError where a password would be sent to a server that only a manifest names.

    Whoever wrote the manifest could have named any. MLflow sends its password to whatever server it is to ask.
    """
    if is_server(address) and (password := next((name for name in _PASSWORDS if name in os.environ), None)):
        named = {*_named, *(os.environ.get(name, "") for name in _NAMING)}
        if _origin(address) not in {_origin(one) for one in named}:
            raise InputError(
                f"{without_password(address)}: only the sweep's manifest names this server, and ${password} would be "
                f"sent there; if it is yours, set {_NAMING[0]} to its address, or unset the password"
            )
    return address


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def location_path(location: str) -> Path | None:
    """Return the file or folder of a location; None for a server, an environment variable or a database in memory."""
    if location.startswith(FROM_ENVIRONMENT):
        return None
    return sqlite_path(location) if "://" in location else Path(location)


def absolute(location: str) -> str:
    """Return a path, or the address of an SQLite file, made absolute; any other location as it is."""
    path = location_path(location)
    return location if path is None else _with_path(location, path.expanduser().resolve())


def kept_location(given: str | None, variable: str, default: str) -> str:
    """What a manifest keeps: as given, else what the variable names, else ``default``.

    In place of an address with a password in the variable, which variable it is.
    """
    named = os.environ.get(variable)
    if given is None and named and without_password(named) != named:
        return FROM_ENVIRONMENT + variable
    return absolute(given or named or default)


def relative_below(storage: Path, location: str) -> str:
    """Return a location below ``storage`` relative to it; any other as it is."""
    path = location_path(location)
    if path is None or not path.is_relative_to(storage):
        return location
    return _with_path(location, path.relative_to(storage))


def absolute_below(storage: Path, location: str, before: Path) -> str:
    """Return a relative location as one below ``storage``, and likewise one below ``before``, where that was before."""
    path = location_path(location)
    if path is None:
        return location
    return _with_path(location, storage / (path.relative_to(before) if path.is_relative_to(before) else path))


def _with_path(location: str, path: Path) -> str:
    return sqlite_address(path, location) if "://" in location else str(path)
