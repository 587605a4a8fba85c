"""The 1,797 handwritten digits that scikit-learn carries, 8x8 with values 0 to 16: nothing to download."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

HELD_OUT_IMAGES = 270


def check(root: Path) -> None:
    """Nothing to check: the data comes with scikit-learn, whatever ``root`` holds."""


def load(root: Path) -> DataSet:
    """1,257 train, 270 validation and 270 test images, stratified, flat, uint8 (n, 64)."""
    from trainables.data.splits import opened

    return opened(store(root))


def store(root: Path) -> Path:
    """Return the folder of the data in this machine's cache, which is made where it is not there."""
    from trainables.data.array_cache import ensure_cached

    return ensure_cached("digits", f"scikit-learn {version('scikit-learn')}", _contents)


def _contents() -> Contents:
    from sklearn.datasets import load_digits

    from trainables.data.array_cache import Contents, stratified_holdout

    digits: Any = load_digits()
    images, labels = digits.data.astype("uint8"), digits.target
    rest, test = stratified_holdout(labels, HELD_OUT_IMAGES)
    train, validation = (rest[part] for part in stratified_holdout(labels[rest], HELD_OUT_IMAGES))
    return Contents(
        {
            name: (images[part], labels[part])
            for name, part in (("train", train), ("validation", validation), ("test", test))
        }
    )
