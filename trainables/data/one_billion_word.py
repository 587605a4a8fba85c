"""The One Billion Word benchmark in its own layout, read shard by shard: memory does not grow with the corpus.

``training-monolingual.tokenized.shuffled/news.en-*`` trains. Of the held-out shards,
``heldout-monolingual.tokenized.shuffled/news.en.heldout-*``, the first tests, as is usual, and the others validate. A
sentence a line, words between blanks.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError
from trainables.data.text import END_OF_LINE, UNKNOWN, check_held_out, holds_nul, not_utf_8

if TYPE_CHECKING:
    import numpy as np

    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

TRAINING = ("training-monolingual.tokenized.shuffled", "news.en-*-of-*")
HELD_OUT = ("heldout-monolingual.tokenized.shuffled", "news.en.heldout-*-of-*")


def check(root: Path, folder: str, fewest: int) -> None:
    """Raise InputError, naming what is missing or empty, unless the benchmark lies in ``root/folder``."""
    _shards(root / folder)


def load(root: Path, folder: str, fewest: int) -> DataSet:
    """Three streams of word numbers, int32 (n,); words seen less than ``fewest`` times in training are ``<unk>``."""
    from trainables.data.splits import opened

    return opened(store(root, folder, fewest))


def store(root: Path, folder: str, fewest: int) -> Path:
    """The cache folder of the benchmark, made where it is missing; imports no torch. Raises InputError."""
    from trainables.data.array_cache import ensure_cached, identity_of

    shards = _shards(root / folder)
    files = [path for part in shards.values() for path in part]
    source = f"{identity_of(files)} {fewest}"
    return ensure_cached("one-billion-word", source, lambda: _contents(shards, fewest, str(root / folder)))


def _shards(folder: Path) -> dict[str, list[Path]]:
    training, held_out = (sorted((folder / name).glob(pattern)) for name, pattern in (TRAINING, HELD_OUT))
    for found, least, (name, pattern) in ((training, 1, TRAINING), (held_out, 2, HELD_OUT)):
        if len(found) < least:
            raise InputError(
                f"{folder / name}: {len(found)} files {pattern} are there, at least {least} are needed; unpack "
                "1-billion-word-language-modeling-benchmark-r13output.tar.gz there, or name another folder"
            )
    for path in (*training, *held_out):
        if path.stat().st_size == 0:
            raise InputError(f"{path}: this shard is empty; fetch it again")
    return {"train": training, "validation": held_out[1:], "test": held_out[:1]}


def _contents(shards: dict[str, list[Path]], fewest: int, where: str) -> Contents:
    import numpy as np

    from trainables.data.array_cache import Contents

    counts, sizes = Counter({END_OF_LINE: 0, UNKNOWN: 0}), dict.fromkeys(shards, 0)
    for split, paths in shards.items():
        for line in _sentences(paths):
            sizes[split] += len(line)
            if split == "train":
                counts.update(line)
    check_held_out(sizes, where)
    kept = {word: count for word, count in counts.items() if count >= fewest or word in (END_OF_LINE, UNKNOWN)}
    numbers = {word: i for i, word in enumerate(sorted(kept, key=lambda word: (-kept[word], word)))}
    nothing = np.zeros(0, dtype=np.int64)
    return Contents({split: (_stream(paths, sizes[split], numbers), nothing) for split, paths in shards.items()})


def _stream(paths: Sequence[Path], size: int, numbers: dict[str, int]) -> np.ndarray:
    """The words of all shards as numbers, in a file that goes when the array does."""
    import numpy as np

    from optimizers.cache import cache_folder

    with tempfile.TemporaryFile(dir=cache_folder()) as file:
        stream = np.memmap(file, dtype=np.int32, mode="w+", shape=(size,))
    at, unknown = 0, numbers[UNKNOWN]
    for line in _sentences(paths):
        stream[at : at + len(line)] = [numbers.get(word, unknown) for word in line]
        at += len(line)
    return stream


def _sentences(paths: Sequence[Path]) -> Iterator[list[str]]:
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig") as lines:
                for line in lines:
                    if "\0" in line:
                        raise holds_nul(path)
                    yield [*line.split(), END_OF_LINE]
        except UnicodeDecodeError:
            raise not_utf_8(path) from None
