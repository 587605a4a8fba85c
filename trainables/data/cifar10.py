"""CIFAR-10 in torchvision's layout: what must lie where, and its fixed splits. Imports no torch until it reads.

A copy whose batches are not byte for byte the original ones, such as one made from JPEG files, is accepted and said to
be such: its pixels differ, so its accuracies are not to be compared with published ones to a tenth of a percent.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers import InputError
from trainables.data._download import downloaded

if TYPE_CHECKING:
    import numpy as np

    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = ("test_batch",)
IMAGES_A_BATCH = 10_000
PIXELS = 3 * 32 * 32
VALIDATION_IMAGES = 5_000
# Of the original files, as torchvision has them.
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
RE_ENCODED = "CIFAR-10 (re-encoded copy: its batches are not the original files)"


def check(root: Path) -> None:
    """Raise InputError, naming the file and what would be right, unless ``root/cifar-10-batches-py`` holds CIFAR-10."""
    folder = root / FOLDER
    for name in (*TRAIN, *TEST):
        path = folder / name
        if not path.is_file():
            raise InputError(
                f"{path}: this CIFAR-10 file is missing; put the unpacked folder {FOLDER} of cifar-10-python.tar.gz "
                "(https://www.cs.toronto.edu/~kriz/cifar.html) there, or name another folder with --data"
            )
        if path.stat().st_size < IMAGES_A_BATCH * PIXELS:
            raise InputError(
                f"{path}: {path.stat().st_size:,} bytes, less than the {IMAGES_A_BATCH * PIXELS:,} of its pixels: this "
                "CIFAR-10 file is truncated; fetch it again"
            )


def fetch(root: Path) -> None:
    """Download CIFAR-10 where nothing of it is there. Raises InputError, saying what to do, where that fails."""
    if (root / FOLDER).exists():
        return
    from torchvision.datasets import CIFAR10

    remedy = f"put the unpacked folder {FOLDER} of cifar-10-python.tar.gz there"
    with downloaded(root, "CIFAR-10", lambda folder: CIFAR10(folder, download=True), remedy) as temporary:
        root.mkdir(parents=True, exist_ok=True)
        shutil.move(temporary / FOLDER, root / FOLDER)


def load(root: Path) -> DataSet:
    """45,000 train, 5,000 validation (stratified, from train) and 10,000 test images, uint8 (n, 3, 32, 32)."""
    from trainables.data.splits import opened

    return opened(store(root))


def store(root: Path) -> Path:
    """The cache folder of CIFAR-10, made where it is missing; imports no torch. Raises InputError."""
    from trainables.data.array_cache import ensure_cached, identity_of

    check(root)
    files = [root / FOLDER / name for name in (*TRAIN, *TEST)]
    return ensure_cached("cifar10", identity_of(files), lambda: _contents(root, files))


def _note(files: list[Path]) -> str:
    original = all(_md5(path) == MD5[path.name] for path in files)
    return "" if original else RE_ENCODED


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _contents(root: Path, files: list[Path]) -> Contents:
    import numpy as np

    from trainables.data.array_cache import Contents, stratified_holdout

    batches = [_batch(root / FOLDER / name) for name in TRAIN]
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    kept, held_out = stratified_holdout(labels, VALIDATION_IMAGES)
    arrays = {
        "train": (images[kept], labels[kept]),
        "validation": (images[held_out], labels[held_out]),
        "test": _batch(root / FOLDER / TEST[0]),
    }
    return Contents(arrays, _note(files))


class _ArraysOnly(pickle.Unpickler):
    """The batches are pickles, which could name any code: these name NumPy's arrays and nothing else."""

    ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer", "encode"})

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in ("numpy", "_codecs") or name not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return super().find_class(module, name)


def _batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (10000, 3, 32, 32) and labels (10000,) of one file."""
    import numpy as np

    try:
        with path.open("rb") as file:
            batch = _ArraysOnly(file, encoding="latin1").load()
        images, labels = np.asarray(batch["data"], dtype=np.uint8), np.asarray(batch["labels"], dtype=np.int64)
        if images.shape != (IMAGES_A_BATCH, PIXELS) or labels.shape != (IMAGES_A_BATCH,):
            raise ValueError(f"it has images {images.shape} and labels {labels.shape}")
        if not 0 <= labels.min() <= labels.max() <= 9:
            raise ValueError(f"its labels go from {labels.min()} to {labels.max()}, not from 0 to 9")
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise InputError(f"{path}: this is no batch of CIFAR-10 ({error}); fetch it again") from None
    return images.reshape(-1, 3, 32, 32), labels
