"""Trees of image files: which files are its images and of which class they are. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from optimizers import InputError
from trainables.data._image_decoding import ENDINGS

# Of images that are not read: left out without a word, they would be missed.
OTHER_IMAGES = (".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".psd", ".dng", ".tga")
# What macOS's archives and Synology's indexer put between the images.
FOREIGN = ("__MACOSX", "@eaDir")


def class_names(part: Path) -> list[str]:
    """The names of the folders in a part of a tree, sorted; hidden and foreign ones are left out."""
    if not part.is_dir():
        return []
    with os.scandir(part) as entries:
        return sorted(entry.name for entry in entries if not _is_left_out(entry.name) and entry.is_dir())


def images_of(folder: Path) -> list[str]:
    """The images in the folder of a class and in those below it, relative to it and sorted.

    Raises InputError for one in a format that is not read, and for what is named as one and is no file.
    """
    return sorted(_images_below(folder, "", ()), key=lambda name: name.split(os.sep))


def has_image(folder: Path) -> bool:
    """Whether there is an image in the folder of a class, of which only a part is listed."""
    return next(_images_below(folder, "", ()), None) is not None


def _images_below(folder: Path, below: str, seen: tuple[tuple[int, int], ...]) -> Iterator[str]:
    here = os.stat(folder)
    identity = (here.st_dev, here.st_ino)
    if identity in seen:
        raise InputError(f"{folder}: this link leads to a folder that it is in; take it out")
    with os.scandir(folder) as entries:
        for entry in entries:
            name, ending = os.path.join(below, entry.name), os.path.splitext(entry.name)[1].lower()
            if _is_left_out(entry.name):
                continue
            if entry.is_dir():
                yield from _images_below(Path(entry.path), name, (*seen, identity))
            elif ending in OTHER_IMAGES:
                raise InputError(f"{entry.path}: {ending} is not read; write it as one of {', '.join(ENDINGS)}")
            elif ending in ENDINGS:
                if not entry.is_file():
                    raise InputError(f"{entry.path}: this is no file, or a link to nothing; take it out")
                yield name


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name in FOREIGN
