"""Texts as streams of word numbers: files of the Penn Treebank's form, any folder of plain text, or Python's own.

A folder with a training, a validation and a test file (``*train*``, ``*valid*``, ``*test*``, ending in .txt or .tokens;
Mikolov's Penn Treebank files and WikiText are of this kind) is taken as tokenised: words stand between blanks, a line
ends with ``<eos>``. Any other folder's .txt files are plain text, which is cut into lower-case words and marks, of
which the last twentieth of the lines tests and the twentieth before it validates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError

if TYPE_CHECKING:
    from trainables.data import DataSet

SPLITS = {"train": "train", "validation": "valid", "test": "test"}
END_OF_LINE, UNKNOWN = "<eos>", "<unk>"
PYTHON = "python"
"""In place of a folder: the help texts that come with every Python, `pydoc_data.topics`."""
MOST_WORDS = 10_000
FEWEST_LINES = 40
_WORD_OR_MARK = re.compile(r"\w+|[^\w\s]")

Lines = Mapping[str, list[list[str]]]


def check(root: Path, folder: str) -> None:
    """Raise InputError, naming what is missing, unless there is text in ``root/folder``."""
    if folder != PYTHON:
        _files(root / folder)


def load(root: Path, folder: str) -> DataSet:
    """Three streams of word numbers, int32 (n,), without targets; ``classes`` is the size of the vocabulary.

    The vocabulary is that of the training split, frequent words first; words that it lacks are ``<unk>``.
    """
    from trainables.data import cached, identity_of

    if folder == PYTHON:
        import platform

        return cached("text-python", platform.python_version(), lambda: _arrays(_plain(_python_help())))
    tokenised, files = _files(root / folder)

    def build() -> dict:
        texts = {split: _read(path) for split, path in files.items()}
        if tokenised:
            return _arrays({split: [[*line.split(), END_OF_LINE] for line in text] for split, text in texts.items()})
        return _arrays(_plain(line for text in texts.values() for line in text))

    return cached("text", identity_of(files.values()), build)


def _files(folder: Path) -> tuple[bool, dict[str, Path]]:
    """Whether the folder's text is tokenised, and its files: one for each split, or plain ones by their names."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such folder of text; put ptb.train.txt, ptb.valid.txt and ptb.test.txt, files of "
            "this form, or plain .txt files there, name another folder in the data folder with "
            "--set 'workload.options={folder: ...}', or another data folder with --data"
        )
    candidates = sorted(path for path in folder.iterdir() if path.suffix in (".txt", ".tokens") and path.is_file())
    by_split = {split: [path for path in candidates if word in path.name] for split, word in SPLITS.items()}
    if not any(by_split.values()):
        if not candidates:
            raise InputError(f"{folder}: there is no .txt or .tokens file in this folder")
        return False, {path.name: path for path in candidates}
    for split, found in by_split.items():
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise InputError(
                f"{folder}: one file of the {split} split is needed, its name with {SPLITS[split]!r} in it; "
                f"there is {names}"
            )
    return True, {split: found[0] for split, found in by_split.items()}


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: this is no UTF-8 text ({error}); write it as UTF-8") from None
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: this file of text is empty; fetch it again")
    return lines


def _python_help() -> list[str]:
    from pydoc_data.topics import topics

    return [line for name in sorted(topics) for line in topics[name].splitlines()]


def _plain(lines: Iterable[str]) -> Lines:
    """Plain text as words and marks, cut into splits along its lines; rare words are unknown ones."""
    words = [found for line in lines if (found := _WORD_OR_MARK.findall(line.lower()))]
    if len(words) < FEWEST_LINES:
        raise InputError(f"{len(words)} lines of text are too few to train, validate and test on")
    held_out = len(words) // 20
    train = words[: -2 * held_out]
    counts = Counter(word for line in train for word in line)
    common = {word for word, count in counts.most_common(MOST_WORDS - 2) if count > 1}

    def known(part: list[list[str]]) -> list[list[str]]:
        return [[*(word if word in common else UNKNOWN for word in line), END_OF_LINE] for line in part]

    return {
        "train": known(train),
        "validation": known(words[-2 * held_out : -held_out]),
        "test": known(words[-held_out:]),
    }


def _arrays(lines: Lines) -> dict:
    import numpy as np

    counts = Counter(_words(lines["train"]))
    counts.setdefault(UNKNOWN, 0)
    # By frequency, as an adaptive softmax wants it; equal ones by the alphabet, so that numbers repeat.
    numbers = {word: i for i, word in enumerate(sorted(counts, key=lambda word: (-counts[word], word)))}
    unknown, nothing = numbers[UNKNOWN], np.zeros(0, dtype=np.int64)
    return {
        split: (np.fromiter((numbers.get(word, unknown) for word in _words(part)), np.int32), nothing)
        for split, part in lines.items()
    }


def _words(lines: list[list[str]]) -> Iterator[str]:
    return (word for line in lines for word in line)
