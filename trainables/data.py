"""Data sets as memory-mapped arrays: written once per node, shared read-only by all of its processes, fingerprinted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from optimizers import InputError
from optimizers.cache import cache_folder
from optimizers.files import atomic_write, sealed, unsealed

SPLIT_SEED = 20_191_231
# Of the cache folders; another one leaves older folders alone.
FORMAT = 2
SPLITS = ("train", "validation", "test")
Arrays = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Split:
    """``inputs`` (examples, ...) as stored and ``targets`` (examples,) as int64, along the same first axis."""

    inputs: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> Split:
        return Split(self.inputs.to(device), self.targets.to(device))


@dataclass(frozen=True)
class DataSet:
    """The three fixed splits.

    ``classes`` is the number of classes, or of words of a text. ``fingerprint`` is the SHA-256 of every byte of the
    splits, so equal exactly for equal data; ``note`` says, in words, where the data is not the published one.
    """

    train: Split
    validation: Split
    test: Split
    fingerprint: str
    classes: int
    note: str = ""

    def to(self, device: torch.device) -> DataSet:
        train, validation, test = (split.to(device) for split in (self.train, self.validation, self.test))
        return replace(self, train=train, validation=validation, test=test)


def stratified_holdout(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (kept, held out), each sorted: ``count`` held out, every class at its share, the same each time."""
    generator = np.random.default_rng(SPLIT_SEED)
    shuffled = generator.permutation(len(labels))
    # Sorting the shuffled examples by class and taking evenly spaced ones gives every class its share of `count`.
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    chosen = np.floor((np.arange(count) + 0.5) * len(labels) / count).astype(np.int64)
    held_out = np.sort(by_class[chosen])
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def identity_of(files: Iterable[Path]) -> str:
    """What changes when any of these files does: places, sizes and times."""
    return str([(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files])


def cached(name: str, source: str, build: Callable[[], Arrays], note: Callable[[], str] = str) -> DataSet:
    """The data set ``name``; ``build`` makes its arrays when this node has no cache made from the same ``source``.

    ``source`` identifies the original files, so that changed files make a new cache; ``note`` says what must be known
    of them. Raises InputError when the cache folder cannot be written or a file in it is damaged.
    """
    key = hashlib.sha256(f"{FORMAT} {name} {source} {SPLIT_SEED}".encode()).hexdigest()[:16]
    folder = cache_folder() / f"{name.replace('/', '-')}-{key}"
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                if not folder.is_dir():
                    _write(folder, build(), note())
        except OSError as error:
            raise InputError(
                f"{folder.parent}: the data cache cannot be written ({error}); set ADAMANT_CACHE to a folder that can"
            ) from None
    return _read(folder)


def _write(folder: Path, arrays: Arrays, note: str) -> None:
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        for split, (inputs, targets) in arrays.items():
            np.save(temporary / f"{split}-inputs.npy", np.ascontiguousarray(inputs))
            np.save(temporary / f"{split}-targets.npy", targets.astype(np.int64))
        inputs, targets = arrays["train"]
        labels = targets if targets.size else inputs
        told = {"sha256": _digest(temporary), "classes": int(labels.max()) + 1, "note": note}
        (temporary / "fingerprint.json").write_text(sealed(told), encoding="utf-8")


def _read(folder: Path) -> DataSet:
    try:
        told = unsealed((folder / "fingerprint.json").read_text(encoding="utf-8"), older="sha256")
        if _digest(folder) != told["sha256"]:
            raise ValueError("its contents do not match its checksum")
        splits = [
            # Copy-on-write mapping: torch may not be handed memory that it cannot write to, and nobody writes.
            Split(
                *(
                    torch.from_numpy(np.load(folder / f"{split}-{part}.npy", mmap_mode="c"))
                    for part in ("inputs", "targets")
                )
            )
            for split in SPLITS
        ]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder}: this cached data set is damaged ({error}); delete the folder and it is made again"
        ) from None
    return DataSet(*splits, fingerprint=told["sha256"], classes=told["classes"], note=told["note"])


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.npy")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
