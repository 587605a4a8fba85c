"""What a sweep takes on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = 512


@dataclass(frozen=True)
class DiskUse:
    """Bytes of blocks, and when anything changed last, in seconds since 1970."""

    bytes: int
    changed: float


def disk_use(*folders: Path) -> DiskUse:
    """Return that of folders together, of which the first is there."""
    found = [(0, folders[0].stat().st_mtime)]
    for root in folders:
        found += [(one.st_blocks * BLOCK, one.st_mtime) for one in _files(root)]
    return DiskUse(sum(size for size, _ in found), max(changed for _, changed in found))


def _files(folder: Path) -> Iterator[os.stat_result]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return  # a trial removes its checkpoints while they are looked at
