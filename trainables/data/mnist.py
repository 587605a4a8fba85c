"""MNIST in torchvision's layout: what must lie where, and its fixed splits. Imports no torch until it reads."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError
from trainables.data._download import downloaded

if TYPE_CHECKING:
    import numpy as np

    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

# IDX files: name -> (magic number, dimensions of the array of unsigned bytes)
FILES = {
    "train-images-idx3-ubyte": (2051, (60_000, 28, 28)),
    "train-labels-idx1-ubyte": (2049, (60_000,)),
    "t10k-images-idx3-ubyte": (2051, (10_000, 28, 28)),
    "t10k-labels-idx1-ubyte": (2049, (10_000,)),
}
VALIDATION_IMAGES = 5_000
CLASSES = 10


def check(root: Path) -> None:
    """Raise InputError, naming the file and what would be right, unless ``root/MNIST/raw`` holds MNIST."""
    for name, (magic, shape) in FILES.items():
        _check_idx(_raw(root) / name, magic, shape)


def fetch(root: Path) -> None:
    """Download MNIST where nothing of it is there. Raises InputError, saying what to do, where that fails."""
    if not any((_raw(root) / name).exists() for name in FILES):
        _download(root)


def load(root: Path) -> DataSet:
    """55,000 train, 5,000 validation (stratified, carved from train) and 10,000 test images, flat, uint8 (n, 784)."""
    from trainables.data.splits import opened

    return opened(store(root))


def store(root: Path) -> Path:
    """The cache folder of MNIST, made where it is missing; imports no torch. Raises InputError."""
    from trainables.data.array_cache import ensure_cached, identity_of

    check(root)
    return ensure_cached("mnist", identity_of(_raw(root) / name for name in FILES), lambda: _contents(root))


def _contents(root: Path) -> Contents:
    from trainables.data.array_cache import Contents, stratified_holdout

    # As the files stand there: torchvision's reader prefers a file of its own earlier versions where there is one.
    images, labels, test_images, test_labels = (_array(_raw(root) / name, shape) for name, (_, shape) in FILES.items())
    for name, array in (("train", labels), ("t10k", test_labels)):
        if array.max() >= CLASSES:
            path = _raw(root) / f"{name}-labels-idx1-ubyte"
            raise InputError(f"{path}: its labels go up to {array.max()}, not to {CLASSES - 1}; fetch it again")
    kept, held_out = stratified_holdout(labels, VALIDATION_IMAGES)
    return Contents(
        {
            "train": (images[kept], labels[kept]),
            "validation": (images[held_out], labels[held_out]),
            "test": (test_images, test_labels),
        }
    )


def _array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The bytes of an IDX file as (examples, values an example), or (examples,) where each is one value."""
    import numpy as np

    values = np.fromfile(path, dtype=np.uint8, offset=len(_header(0, shape)))
    return values if len(shape) == 1 else values.reshape(shape[0], -1)


def _raw(root: Path) -> Path:
    return root / "MNIST" / "raw"


def _download(root: Path) -> None:
    from torchvision.datasets import MNIST

    remedy = f"put the unpacked files {', '.join(FILES)} into {_raw(root)}"
    with downloaded(root, "MNIST", lambda folder: MNIST(folder, train=True, download=True), remedy) as temporary:
        _raw(root).mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.move(_raw(temporary) / name, _raw(root) / name)


def _header(magic: int, shape: tuple[int, ...]) -> bytes:
    return struct.pack(f">{1 + len(shape)}i", magic, *shape)


def _check_idx(path: Path, magic: int, shape: tuple[int, ...]) -> None:
    header = _header(magic, shape)
    expected = len(header) + math.prod(shape)
    if not path.is_file():
        raise InputError(f"{path}: this MNIST file is missing; put it there unpacked ({expected:,} bytes)")
    size = path.stat().st_size
    if size != expected:
        raise InputError(
            f"{path}: {size:,} bytes instead of {expected:,}: this MNIST file is truncated or packed; fetch it again"
        )
    with path.open("rb") as file:
        found = file.read(len(header))
    if found != header:
        raise InputError(f"{path}: its header is not that of this MNIST file; fetch it again")
