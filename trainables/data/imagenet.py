"""ImageNet, or any tree of images of its layout, ImageFolder's: ``train/CLASS/IMAGE`` and ``val/CLASS/IMAGE``.

The images stay where they are: a split holds their paths. Where one folder stands beside ``train`` (``val``, ``valid``,
``validation`` or ``test``), its images test, and one in fifty training images of each class validates. Where there are
two, ``val`` validates and ``test`` tests. Images may lie in folders below that of their class, as Tiny ImageNet's do;
hidden files and folders are left out. See :mod:`trainables.data._image_decoding` for what is made of an image.

A data set is identified by its images' names, classes and contents, so it is the same one wherever it lies. All images
are read and decoded for this once per machine, and again when one of the files changes.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError
from trainables.data._image_decoding import ENDINGS, fault_of, read_rgb
from trainables.data._image_tree import class_names, has_image, images_of

if TYPE_CHECKING:
    import numpy as np

    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

TRAIN, TEST = "train", "test"
VALIDATION = ("val", "valid", "validation")
HELD_OUT_SHARE = 50
FAULTS_TOLD = 5
DECODED_AT_ONCE = 64


def check(root: Path, folder: str) -> None:
    """Raise InputError, naming what is missing, unless each part of ``root/folder`` has images of the same classes."""
    for part, classes in _parts(root / folder).items():
        for name in classes:
            if not has_image(root / folder / part / name):
                raise InputError(_no_image(root / folder / part / name))


def load(root: Path, folder: str) -> DataSet:
    """Paths as bytes, uint8 (n, longest path) with zeros behind, and the numbers of their classes, which are sorted."""
    from trainables.data.splits import opened

    return opened(store(root, folder))


def store(root: Path, folder: str) -> Path:
    """The cache folder of the tree, made where it is missing; imports no torch. Raises InputError."""
    from trainables.data.array_cache import ensure_cached, identity_of

    parts = {part: _Part.of(root / folder / part, classes) for part, classes in _parts(root / folder).items()}
    source = str([(part, identity_of(tree.paths)) for part, tree in parts.items()])
    return ensure_cached("imagenet", source, lambda: _contents(parts))


@dataclass(frozen=True)
class _Part:
    """``images`` are (class number, path relative to the part) in order."""

    folder: Path
    images: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, folder: Path, classes: list[str]) -> _Part:
        images: list[tuple[int, str]] = []
        for number, name in enumerate(classes):
            inside = images_of(folder / name)
            if not inside:
                raise InputError(_no_image(folder / name))
            images += ((number, os.path.join(name, image)) for image in inside)
        return cls(folder, tuple(images))

    @property
    def paths(self) -> Iterator[str]:
        return (os.path.join(self.folder, image) for _, image in self.images)


def _parts(folder: Path) -> dict[str, list[str]]:
    """The classes of each part: train's first, then those of what validates, if that is a part, and of what tests."""
    found = {part: names for part in (TRAIN, *VALIDATION, TEST) if (names := class_names(folder / part))}
    held_out = [part for part in found if part != TRAIN]
    if TRAIN not in found or not held_out:
        missing = folder / (VALIDATION[0] if TRAIN in found else TRAIN)
        raise InputError(
            f"{missing}: there are no folders of images; put ImageNet's there, one folder for each class "
            "(https://image-net.org), or name another folder with --set 'workload.options={folder: ...}' or --data"
        )
    if len(held_out) > 2 or (len(held_out) == 2 and TEST not in held_out):
        raise InputError(f"{folder}: {' and '.join(held_out)} are too many; keep one to validate and one called {TEST}")
    for part in held_out:
        odd = sorted(set(found[TRAIN]) ^ set(found[part]))
        if odd:
            where = TRAIN if odd[0] in found[TRAIN] else part
            raise InputError(
                f"{folder}: train has {len(found[TRAIN])} classes and {part} {len(found[part])}; "
                f'"{odd[0]}" is under {where} alone; sort the images of {part} into the folders of their classes'
            )
    if len(found[TRAIN]) < 2:
        raise InputError(f"{folder / TRAIN}: it has one class; put the images of each class into a folder of their own")
    return found


def _no_image(folder: Path) -> str:
    return f"{folder}: there is no image in this class, none of {', '.join(ENDINGS)}"


def _contents(parts: dict[str, _Part]) -> Contents:
    import numpy as np

    from trainables.data.array_cache import Contents, stratified_holdout

    digests = _digests([path for part in parts.values() for path in part.paths])
    fingerprint = hashlib.sha256()
    splits = []
    for number, part in enumerate(parts.values()):
        for label, image in part.images:
            fingerprint.update(f"{number} {label} ".encode() + os.fsencode(image) + b"\0" + next(digests))
        splits.append((_as_bytes(part), np.array([label for label, _ in part.images])))
    train, *validation, test = splits
    if not validation:
        paths, labels = train
        _refuse_single_images(parts[TRAIN], labels)
        count = max(int(labels.max()) + 1, len(labels) // HELD_OUT_SHARE)
        kept, held_out = stratified_holdout(labels, count)
        train, validation = (paths[kept], labels[kept]), [(paths[held_out], labels[held_out])]
    return Contents({"train": train, "validation": validation[0], "test": test}, fingerprint=fingerprint.hexdigest())


def _refuse_single_images(part: _Part, labels: np.ndarray) -> None:
    import numpy as np

    (alone,) = np.nonzero(np.bincount(labels) < 2)
    if alone.size:
        first = next(image for label, image in part.images if label == alone[0])
        raise InputError(
            f"{part.folder / first}: it is the only image of its class, of which one validates and the others train; "
            "put two or more there"
        )


def _digests(paths: list[str]) -> Iterator[bytes]:
    """The SHA-256 of each file. Raises InputError that names the first of those that are no images."""
    with ThreadPool(os.cpu_count()) as pool:
        read = list(pool.imap(_read, paths, DECODED_AT_ONCE))
    faults = [f"{path}: {fault}" for path, (_, fault) in zip(paths, read, strict=True) if fault is not None]
    if faults:
        more = f"\nand {len(faults) - FAULTS_TOLD:,} more" if len(faults) > FAULTS_TOLD else ""
        raise InputError("\n".join(faults[:FAULTS_TOLD]) + more)
    return (digest for digest, _ in read)


def _read(path: str) -> tuple[bytes, str | None]:
    """The SHA-256 of an image file, and what is wrong with it or None."""
    contents = Path(path).read_bytes()
    try:
        read_rgb(io.BytesIO(contents), small=True)
    except Exception as error:  # noqa: BLE001 - a decoder meets malformed bytes with any exception
        return b"", fault_of(error)
    return hashlib.sha256(contents).digest(), None


def _as_bytes(part: _Part) -> np.ndarray:
    import numpy as np

    encoded = [os.fsencode(os.path.realpath(path)) for path in part.paths]
    longest = max(map(len, encoded)) + 1
    return np.frombuffer(b"".join(one.ljust(longest, b"\0") for one in encoded), dtype=np.uint8).reshape(-1, longest)
