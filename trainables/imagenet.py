"""ImageNet, or any tree of images of its layout, ImageFolder's: ``train/CLASS/IMAGE`` and ``val/CLASS/IMAGE``.

The images stay where they are: a split holds their paths. One in fifty training images of each class validates, at
least one; those of ``val`` test.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError

if TYPE_CHECKING:
    import numpy as np

    from trainables.data import DataSet

ENDINGS = (".jpeg", ".jpg", ".png", ".webp", ".bmp")
TRAIN, VAL = "train", "val"
HELD_OUT_SHARE = 50


def check(root: Path, folder: str) -> None:
    """Raise InputError, naming what is missing, unless ``root/folder`` holds the same classes under train and val."""
    classes = {part: _classes(root / folder / part) for part in (TRAIN, VAL)}
    if classes[TRAIN] != classes[VAL]:
        odd = sorted(set(classes[TRAIN]) ^ set(classes[VAL]))
        where = TRAIN if odd[0] in classes[TRAIN] else VAL
        raise InputError(
            f"{root / folder}: train has {len(classes[TRAIN])} classes and val {len(classes[VAL])}; "
            f'"{odd[0]}" is under {where} alone; sort the images of val into the folders of their classes'
        )


def load(root: Path, folder: str) -> DataSet:
    """Paths as bytes, uint8 (n, longest path) with zeros behind, and the numbers of their classes, which are sorted."""
    from trainables.data import cached

    check(root, folder)
    trees = {part: _images(root / folder / part) for part in (TRAIN, VAL)}
    source = str([(len(paths), max(path.stat().st_mtime_ns for path in paths)) for paths in trees.values()])
    return cached("imagenet", f"{(root / folder).resolve()} {source}", lambda: _arrays(trees))


def _classes(folder: Path) -> list[str]:
    found = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()) if folder.is_dir() else []
    if not found:
        raise InputError(
            f"{folder}: there are no folders of images; put ImageNet's there, one folder for each class "
            "(https://image-net.org), or name another folder with --set 'workload.options={folder: ...}' or --data"
        )
    return found


def _images(folder: Path) -> list[Path]:
    paths = []
    for name in _classes(folder):
        inside = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in ENDINGS)
        if not inside:
            raise InputError(f"{folder / name}: there is no image in this class, none of {', '.join(ENDINGS)}")
        paths += inside
    return paths


def _arrays(trees: dict[str, list[Path]]) -> dict:
    import numpy as np

    from trainables.data import stratified_holdout

    splits = {}
    for part, paths in trees.items():
        numbers = {name: number for number, name in enumerate(sorted({path.parent.name for path in paths}))}
        splits[part] = (_as_bytes(paths), np.array([numbers[path.parent.name] for path in paths]))
    paths, labels = splits[TRAIN]
    classes = int(labels.max()) + 1
    kept, held_out = stratified_holdout(labels, max(classes, len(labels) // HELD_OUT_SHARE))
    return {
        "train": (paths[kept], labels[kept]),
        "validation": (paths[held_out], labels[held_out]),
        "test": splits[VAL],
    }


def _as_bytes(paths: list[Path]) -> np.ndarray:
    import numpy as np

    encoded = [os.fsencode(path.resolve()) for path in paths]
    longest = max(map(len, encoded)) + 1
    return np.frombuffer(b"".join(one.ljust(longest, b"\0") for one in encoded), dtype=np.uint8).reshape(-1, longest)
