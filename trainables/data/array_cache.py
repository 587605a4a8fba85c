"""The cache of data sets: arrays written once per node, checked by a checksum; without torch.

A cache is found by what identifies the original files, see :func:`identity_of`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from optimizers import InputError
from optimizers.cache import cache_folder
from optimizers.files import aside, atomic_write, sealed, unsealed
from optimizers.private import check_own
from trainables.data.passes import Size

SPLIT_SEED = 20_191_231
# Of the cache folders; another one leaves older folders alone.
FORMAT = 3
SPLITS = ("train", "validation", "test")
Arrays = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Contents:
    """What a data set holds: inputs and targets of each split; targets are whole numbers or float32.

    ``note`` says where the data is not the published one. ``fingerprint`` is that of the files which the arrays only
    name or are computed from; None where the arrays are the data. ``classes`` is 1 more than the greatest target (or
    input, where there are no targets) if it is None. ``schema``, which must fit into JSON, is what a model must know of
    the data beside that number.
    """

    arrays: Arrays
    note: str = ""
    fingerprint: str | None = None
    classes: int | None = None
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A data set in the cache. ``checksum`` is the SHA-256 of its arrays, ``arrays`` are memory-mapped."""

    arrays: Arrays
    fingerprint: str
    checksum: str
    classes: int
    note: str
    schema: Mapping[str, Any]

    def is_recorded_as(self, fingerprint: str) -> bool:
        """Whether a run that recorded ``fingerprint`` was on this data; earlier versions recorded the checksum."""
        return fingerprint in (self.fingerprint, self.checksum)


def stratified_holdout(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (kept, held out), each sorted: ``count`` held out, every class at its share, the same each time."""
    generator = np.random.default_rng(SPLIT_SEED)
    shuffled = generator.permutation(len(labels))
    # Sorting the shuffled examples by class and taking evenly spaced ones gives every class its share of `count`.
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    chosen = np.floor((np.arange(count) + 0.5) * len(labels) / count).astype(np.int64)
    held_out = np.sort(by_class[chosen])
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def identity_of(files: Iterable[str | Path]) -> str:
    """Return a digest that changes when any of these files does.

    It is of their paths, sizes, inodes, and times of modification and of the last change. The last of these times
    cannot be set, so a file replaced by one of the same size and modification time (``cp -p``, ``rsync -t``) is seen.
    """
    digest = hashlib.sha256()
    for path in files:
        found = os.stat(path)
        entry = (os.path.abspath(path), found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
        digest.update(repr(entry).encode())
    return digest.hexdigest()


def ensure_cached(name: str, source: str, build: Callable[[], Contents]) -> Path:
    """Return the cache folder of the data set ``name``; ``build`` makes it where none was made of the same ``source``.

    ``source`` identifies the original files and how they are read, so that changed files make a new cache. Raises
    InputError when an original file cannot be read, when the cache cannot be written, and when another user can have
    written to it.
    """
    key = hashlib.sha256(f"{FORMAT} {name} {source} {SPLIT_SEED}".encode()).hexdigest()[:16]
    folder = cache_folder() / f"{name.replace('/', '-')}-{key}"
    if folder.is_dir():
        check_own(folder)
        return folder
    try:
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                _write(folder, _built(build))
    except OSError as error:
        raise InputError(
            f"{folder.parent}: the data cache cannot be written ({error}); set ADAMANT_CACHE to a folder that can"
        ) from None
    return folder


def _built(build: Callable[[], Contents]) -> Contents:
    """Raises InputError for an original file that cannot be read, which is no fault of the cache."""
    try:
        return build()
    except OSError as error:
        if error.filename is None:
            raise
        raise InputError(f"{error.filename}: this file cannot be read ({error.strerror})") from None


def _write(folder: Path, contents: Contents) -> None:
    with atomic_write(folder) as temporary:
        temporary.mkdir(mode=0o700)
        for split, (inputs, targets) in contents.arrays.items():
            np.save(temporary / f"{split}-inputs.npy", np.ascontiguousarray(inputs))
            kind = np.float32 if targets.dtype.kind == "f" else np.int64
            np.save(temporary / f"{split}-targets.npy", targets.astype(kind))
        inputs, targets = contents.arrays["train"]
        labels = targets if targets.size else inputs
        checksum = _checksum(temporary)
        told = {
            "sha256": checksum,
            "fingerprint": contents.fingerprint or checksum,
            "classes": int(labels.max()) + 1 if contents.classes is None else contents.classes,
            "note": contents.note,
            "schema": dict(contents.schema),
        }
        (temporary / "fingerprint.json").write_text(sealed(told), encoding="utf-8")


@contextmanager
def _undamaged(folder: Path) -> Iterator[None]:
    """Raise InputError where what is read of a cache folder inside is damaged."""
    try:
        yield
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder}: this cached data set is damaged ({error}); delete the folder and it is made again"
        ) from None


def train_size(folder: Path) -> Size:
    """Return the size of the training data of a cache folder, by the headers of its files alone."""
    with _undamaged(folder):
        inputs, targets = (np.load(folder / f"train-{name}.npy", mmap_mode="r") for name in ("inputs", "targets"))
        return Size(len(inputs), len(targets))


def open_stored(folder: Path) -> Stored:
    """Open a cache folder. Raises InputError when a file in it is damaged."""
    with _undamaged(folder):
        told = unsealed((folder / "fingerprint.json").read_text(encoding="utf-8"), older="sha256")
        if _checksum(folder) != told["sha256"]:
            raise ValueError("its contents do not match its checksum")
        # Copy-on-write mapping: torch may not be handed memory that it cannot write to, and nobody writes.
        arrays = {
            split: (
                np.load(folder / f"{split}-inputs.npy", mmap_mode="c"),
                np.load(folder / f"{split}-targets.npy", mmap_mode="c"),
            )
            for split in SPLITS
        }
        # Caches that were written without a schema are of data that has none.
        schema = told.get("schema", {})
        return Stored(arrays, told["fingerprint"], told["sha256"], told["classes"], told["note"], schema)


def set_damaged_aside() -> list[Path]:
    """Set every damaged data set in this machine's cache aside, to be made again; return where they are now."""
    moved = []
    for told in sorted(cache_folder().glob("*/fingerprint.json")):
        try:
            open_stored(told.parent)
        except InputError:
            moved.append(told.parent.replace(aside(told.parent)))
    return moved


def _checksum(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.npy")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
