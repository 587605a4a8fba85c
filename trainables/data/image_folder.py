"""A folder of images with a folder for each class, split by whoever made it or to be split. Imports no torch.

Split, as ImageNet and torchvision's ImageFolder are: ``train/CLASS/IMAGE`` and ``val/CLASS/IMAGE``. Where one folder
stands beside ``train`` (``val``, ``valid``, ``validation`` or ``test``), its images test, and a share of the training
images validates. Where there are two, ``val`` validates and ``test`` tests. To be split: ``CLASS/IMAGE``. Of each class
a share tests, another validates and the others train, at least one each; which ones follows from the sorted names of
the class's images alone.

The images stay where they are: a split holds their paths. Images may lie in folders below that of their class, as Tiny
ImageNet's do; hidden files and folders are left out. See :mod:`trainables.data._image_decoding` for what is made of an
image. A data set is identified by its images' names, classes and contents, so it is the same one wherever it lies. All
images are read and decoded for this once per machine, and again when one of the files changes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError
from trainables.data._image_decoding import ENDINGS
from trainables.data._image_tree import class_names, has_image, images_of

if TYPE_CHECKING:
    from trainables.data._image_splits import Images
    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

TRAIN, TEST = "train", "test"
VALIDATION = ("val", "valid", "validation")
VALIDATION_SHARE, TEST_SHARE = 0.02, 0.1
# Of a class that is to be split: one each to train, to validate and to test.
FEWEST_TO_SPLIT = 3


def check(root: Path, folder: str, validation_share: float = VALIDATION_SHARE, test_share: float = TEST_SHARE) -> None:
    """Raise InputError, naming what is missing, unless each part of ``root/folder`` has images of the same classes."""
    for part, classes in _parts(root / folder).items():
        for name in classes:
            if not has_image(root / folder / part / name):
                raise InputError(_no_image(root / folder / part / name))


def load(
    root: Path, folder: str, validation_share: float = VALIDATION_SHARE, test_share: float = TEST_SHARE
) -> DataSet:
    """Paths as bytes, uint8 (n, longest path) with zeros behind, and the numbers of their classes, which are sorted."""
    from trainables.data.splits import opened

    return opened(store(root, folder, validation_share, test_share))


def store(root: Path, folder: str, validation_share: float = VALIDATION_SHARE, test_share: float = TEST_SHARE) -> Path:
    """Return the cache folder of the images, made where it is missing; imports no torch. Raises InputError."""
    from trainables.data.array_cache import ensure_cached, identity_of

    parts = [
        _Part.of(root / folder / part, classes, 1 if part else FEWEST_TO_SPLIT)
        for part, classes in _parts(root / folder).items()
    ]
    files = identity_of(path for part in parts for path in part.paths)
    source = f"{files} {validation_share} {test_share}"
    return ensure_cached("images", source, lambda: _contents(parts, validation_share, test_share))


@dataclass(frozen=True)
class _Part:
    """``images`` are (class number, path relative to the part) in order."""

    folder: Path
    images: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, folder: Path, classes: list[str], fewest: int) -> _Part:
        images: list[tuple[int, str]] = []
        for number, name in enumerate(classes):
            inside = images_of(folder / name)
            if not inside:
                raise InputError(_no_image(folder / name))
            if len(inside) < fewest:
                raise InputError(
                    f"{folder / name}: this class has {len(inside)} of the {fewest} images that it needs to be split: "
                    "one to train, one to validate and one to test; put more there, or take the class out"
                )
            images += ((number, os.path.join(name, image)) for image in inside)
        return cls(folder, tuple(images))

    @property
    def paths(self) -> Iterator[str]:
        return (os.path.join(self.folder, image) for _, image in self.images)


def _parts(folder: Path) -> dict[str, list[str]]:
    """The classes of each part: train's first, then those of what validates, if that is a part, and of what tests.

    A folder that is to be split is one part, "".
    """
    found = {part: names for part in (TRAIN, *VALIDATION, TEST) if (names := class_names(folder / part))}
    if not found and (names := class_names(folder)):
        found = {"": names}
    else:
        _refuse_missing(folder, found)
    first, *others = found
    for part in others:
        odd = sorted(set(found[first]) ^ set(found[part]))
        if odd:
            where = first if odd[0] in found[first] else part
            raise InputError(
                f"{folder}: train has {len(found[first])} classes and {part} {len(found[part])}; "
                f'"{odd[0]}" is under {where} alone; sort the images of {part} into the folders of their classes'
            )
    if len(found[first]) < 2:
        raise InputError(f"{folder / first}: it has one class; put the images of each class into a folder of their own")
    return found


def _refuse_missing(folder: Path, found: dict[str, list[str]]) -> None:
    """Raise InputError unless there are images to train and images to test."""
    held_out = [part for part in found if part != TRAIN]
    if not found:
        raise InputError(
            f"{folder}: there are no folders of images; put one there for each class, or train and val with one for "
            "each class in them, as ImageNet's (https://image-net.org); or name another folder with --set "
            "'workload.options={folder: ...}' or --data"
        )
    if TRAIN not in found or not held_out:
        missing = folder / (VALIDATION[0] if TRAIN in found else TRAIN)
        raise InputError(
            f"{missing}: there are no folders of images; put one there for each class, or put those of "
            f"{', '.join(found)} into {folder} itself to have them split"
        )
    if len(held_out) > 2 or (len(held_out) == 2 and TEST not in held_out):
        raise InputError(f"{folder}: {' and '.join(held_out)} are too many; keep one to validate and one called {TEST}")


def _no_image(folder: Path) -> str:
    return f"{folder}: there is no image in this class, none of {', '.join(ENDINGS)}"


def _contents(parts: list[_Part], validation_share: float, test_share: float) -> Contents:
    import numpy as np

    from trainables.data._image_splits import Images, overlap_note, split_by_class
    from trainables.data.array_cache import Contents

    read = Images.read([path for part in parts for path in part.paths], [n for part in parts for n, _ in part.images])
    fingerprint = hashlib.sha256()
    names = [(number, image) for number, part in enumerate(parts) for _, image in part.images]
    for (number, image), label, digest in zip(names, read.labels, read.digests, strict=True):
        fingerprint.update(f"{number} {label} ".encode() + os.fsencode(image) + b"\0" + digest)
    if len(parts) == 1:
        train, validation, test = split_by_class(read, validation_share, test_share)
        fingerprint.update(f"{validation_share} {test_share}".encode())
    else:
        ends = np.cumsum([len(part.images) for part in parts])
        train, *held_out = (read.take(indices) for indices in np.split(np.arange(ends[-1]), ends[:-1]))
        if len(held_out) == 1:
            train, validation = _with_validation(parts[0], train, validation_share)
            held_out.insert(0, validation)
            if validation_share != VALIDATION_SHARE:
                fingerprint.update(f"{validation_share}".encode())
        validation, test = held_out
    note = overlap_note({"train": train, "validation": validation, "test": test})
    arrays = {"train": train.arrays(), "validation": validation.arrays(), "test": test.arrays()}
    return Contents(arrays, note, fingerprint.hexdigest())


def _with_validation(part: _Part, train: Images, share: float) -> tuple[Images, Images]:
    """The images of the part without those that validate, and these."""
    import numpy as np

    from trainables.data.array_cache import stratified_holdout

    (alone,) = np.nonzero(np.bincount(train.labels) < 2)
    if alone.size:
        first = next(image for label, image in part.images if label == alone[0])
        raise InputError(
            f"{part.folder / first}: it is the only image of its class, of which one validates and the others train; "
            "put two or more there"
        )
    # A share of two decimals times a number of images is off by rounding alone.
    count = max(int(train.labels.max()) + 1, int(len(train.labels) * share + 1e-6))
    kept, held_out = stratified_holdout(train.labels, count)
    return train.take(kept), train.take(held_out)
