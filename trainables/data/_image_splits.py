"""Images that have been read: their paths, classes and digests, and how they are split. Imports no torch."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np

from optimizers import InputError
from trainables.data._image_decoding import fault_of, read_rgb
from trainables.data.array_cache import SPLIT_SEED

FAULTS_TOLD = 5
DECODED_AT_ONCE = 64


@dataclass(frozen=True)
class Images:
    """``paths`` (n,), ``labels`` (n,), the numbers of their classes, and ``digests`` (n,), SHA-256 of the files."""

    paths: list[str]
    labels: np.ndarray
    digests: list[bytes]

    @classmethod
    def read(cls, paths: list[str], labels: list[int]) -> Images:
        """Decode every file. Raises InputError that names the first of those that are no images."""
        with ThreadPool(os.cpu_count()) as pool:
            read = list(pool.imap(_read, paths, DECODED_AT_ONCE))
        faults = [f"{path}: {fault}" for path, (_, fault) in zip(paths, read, strict=True) if fault is not None]
        if faults:
            more = f"\nand {len(faults) - FAULTS_TOLD:,} more" if len(faults) > FAULTS_TOLD else ""
            raise InputError("\n".join(faults[:FAULTS_TOLD]) + more)
        return cls(paths, np.array(labels), [digest for digest, _ in read])

    def take(self, indices: np.ndarray) -> Images:
        """Return the images at ``indices``."""
        chosen = indices.tolist()
        return Images([self.paths[i] for i in chosen], self.labels[indices], [self.digests[i] for i in chosen])

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Paths as bytes, uint8 (n, longest path) with zeros behind, and labels (n,)."""
        encoded = [os.fsencode(os.path.realpath(path)) for path in self.paths]
        longest = max(map(len, encoded)) + 1
        padded = b"".join(one.ljust(longest, b"\0") for one in encoded)
        return np.frombuffer(padded, dtype=np.uint8).reshape(-1, longest), self.labels


def split_by_class(images: Images, validation_share: float, test_share: float) -> tuple[Images, Images, Images]:
    """Images to train, to validate and to test: of each class its share, at least one, drawn by a fixed seed.

    A class is split by itself, so that other classes do not move its images. Each must have three images or more, and
    each share must be less than a half.
    """
    train, validation, test = [], [], []
    for label in range(int(images.labels.max()) + 1):
        (own,) = np.nonzero(images.labels == label)
        drawn = own[np.random.default_rng(SPLIT_SEED).permutation(len(own))]
        # A share of two decimals times a number of images is off by rounding alone.
        ends = np.cumsum([max(1, int(len(own) * share + 1e-6)) for share in (test_share, validation_share)])
        for split, indices in zip((test, validation, train), np.split(drawn, ends), strict=True):
            split.append(indices)
    train, validation, test = (images.take(np.sort(np.concatenate(split))) for split in (train, validation, test))
    return train, validation, test


def overlap_note(splits: Mapping[str, Images]) -> str:
    """Say how many images of one split are in another, by their contents; "" where none is.

    Raises InputError where all are.
    """
    notes = []
    for (first, some), (second, others) in combinations(splits.items(), 2):
        known = set(some.digests)
        shared = [path for path, digest in zip(others.paths, others.digests, strict=True) if digest in known]
        if len(shared) == len(others.paths):
            raise InputError(
                f"{shared[0]}: this image and all others of the {second} split are in the {first} split as well; put "
                "other images there"
            )
        if shared:
            notes.append(f"{len(shared):,} of {len(others.paths):,} {second} images are {first} images as well")
    return "; ".join(notes)


def _read(path: str) -> tuple[bytes, str | None]:
    """The SHA-256 of an image file, and what is wrong with it or None."""
    contents = Path(path).read_bytes()
    try:
        read_rgb(io.BytesIO(contents), small=True)
    except Exception as error:  # noqa: BLE001 - a decoder meets malformed bytes with any exception
        return b"", fault_of(error)
    return hashlib.sha256(contents).digest(), None
