"""Faults of files: cut off, a bit flipped, a block of zeros, between two sessions of a sweep."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from cluster.faults.disturbed_sweep import DisturbedSweep
from cluster.faults.fault import Fault, Moment, NotNowError
from trainables.mlflow_contract import SWEEP_FILE

Damage = Callable[[bytes, random.Random], bytes]
Find = Callable[[DisturbedSweep], Sequence[Path]]
BLOCK = 512


def damageable_files() -> dict[str, Find]:
    """Return where the files of each kind are."""
    return {
        "journal": lambda sweep: [sweep.journal],
        "database": lambda sweep: [sweep.database],
        "manifest": lambda sweep: [sweep.folder.path / "manifest.json"],
        "sweep file": lambda sweep: [sweep.folder.path / SWEEP_FILE],
        "record": lambda sweep: [*sweep.folder.trials.glob("**/record.json")],
        "checkpoint": lambda sweep: [*sweep.folder.trials.glob("**/checkpoints/*.pt")],
        "data cache": lambda sweep: [*sweep.cache.glob("*/*.npy"), *sweep.cache.glob("*/fingerprint.json")],
        "kernel": lambda sweep: [*sweep.cache.glob("kernels/*.so")],
    }


def file_faults() -> Iterator[Fault]:
    """Yield each kind of damage to each kind of file."""
    for name, find in damageable_files().items():
        for done, damage in DAMAGES.items():
            in_check = name == "database"  # SQLite keeps no digests
            yield Fault(f"{name}: {done}", partial(_damage, find, damage), Moment.BETWEEN, shows_in_check=in_check)
    yield Fault("journal: cut in last line", _cut_last_line, Moment.BETWEEN)
    yield Fault("storage moved", partial(_move, False), Moment.BETWEEN)
    yield Fault("storage behind a link", partial(_move, True), Moment.BETWEEN)


def _damage(find: Find, damage: Damage, sweep: DisturbedSweep, chance: random.Random) -> str:
    files = sorted(path for path in find(sweep) if path.is_file() and path.stat().st_size)
    if not files:
        raise NotNowError
    path = chance.choice(files)
    _write(sweep, path, damage(path.read_bytes(), chance))
    return str(path.relative_to(sweep.work.parent))


def _write(sweep: DisturbedSweep, path: Path, contents: bytes) -> None:
    """Put damaged contents into a file; what was there is kept, as a user may have a copy."""
    sweep.copies[path] = path.read_bytes()
    path.unlink()  # what a process has in its memory stays as it is
    path.write_bytes(contents)


def _cut(contents: bytes, chance: random.Random) -> bytes:
    return contents[: chance.randrange(len(contents))]


def _flip(contents: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(contents)
    flipped[chance.randrange(len(contents))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def _zeros(contents: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(0, len(contents), BLOCK)
    end = min(start + BLOCK, len(contents))
    return contents[:start] + bytes(end - start) + contents[end:]


def _move(linked: bool, sweep: DisturbedSweep, chance: random.Random) -> str:
    """Rename the storage folder, as who moves it to another disk; ``linked``: and look for it where it was."""
    storage = sweep.folder.storage
    if not storage.exists():
        raise NotNowError
    number = chance.randrange(10**6)
    moved = storage.with_name(f"läufe {number}")
    sweep.move_storage(moved, storage.with_name(f"link-{number}") if linked else None)
    return str(moved.name)


DAMAGES: dict[str, Damage] = {"cut off": _cut, "a bit flipped": _flip, "a block of zeros": _zeros}


def _cut_last_line(sweep: DisturbedSweep, chance: random.Random) -> str:
    if not sweep.recorded:
        raise NotNowError
    contents = sweep.journal.read_bytes()
    last = contents[:-1].rfind(b"\n") + 1
    end = chance.randrange(last, len(contents))
    _write(sweep, sweep.journal, contents[:end])
    return f"{len(contents) - end} bytes cut off"
