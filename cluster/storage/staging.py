"""Folders in a storage folder that are on their way in or out, so that a sweep is there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from optimizers import InputError

# In each, a folder of any name, and in that the folder of a sweep, by its name. What is in the second is still being
# unpacked, and may be thrown away.
REMOVED, IMPORTING, IMPORTED = ".removed", ".importing", ".imported"


@contextmanager
def alone_in(place: Path) -> Iterator[None]:
    """Keep other commands of this kind out. Raises InputError where the folder is a link, which leads elsewhere."""
    refuse_link(place)
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / ".lock"):
        yield


def refuse_link(path: Path) -> None:
    """Raise InputError where a folder is a link."""
    if path.is_symlink():
        raise InputError(f"{path}: this is a link to {path.resolve()}; what is there is left alone")


def staged(place: Path, name: str | None = None) -> list[Path]:
    """Return the sweeps' folders there, of a name or of any, in their order."""
    return [path for one in folders_in(place) for path in folders_in(one) if name in (None, path.name)]


def folders_in(place: Path) -> list[Path]:
    """Return the folders in a folder; what is a link leads elsewhere, and is none."""
    if place.is_symlink() or not place.is_dir():
        return []
    return sorted(path for path in place.iterdir() if path.is_dir() and not path.is_symlink())
