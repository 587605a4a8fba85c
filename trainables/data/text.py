"""Texts as streams of word numbers: files of the Penn Treebank's form, any folder of plain text, or Python's own.

A folder with a training, a validation and a test file is taken as tokenised: words stand between blanks, a line ends
with ``<eos>``. Such a file ends in .txt or .tokens and has ``train``, ``valid`` or ``test`` in its name, as a whole
word (``ptb.train.txt``, ``wiki.valid.tokens``, ``val.txt``; ``new_testament.txt`` has not). Any other folder's .txt
files are plain text, which is cut into lower-case words and marks, of which the last twentieth of the lines tests and
the twentieth before it validates. Text is UTF-8. Hidden files, those with other endings and folders below are not read.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError

if TYPE_CHECKING:
    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

# The words of a file's name that say of which split it is, the usual one first.
SPLIT_WORDS = {"train": ("train",), "validation": ("valid", "validation", "val", "dev"), "test": ("test",)}
ENDINGS = (".txt", ".tokens")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".tar", ".tgz")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NAMES_TOLD = 5
END_OF_LINE, UNKNOWN = "<eos>", "<unk>"
PYTHON = "python"
"""In place of a folder: the help texts that come with every Python, `pydoc_data.topics`."""
MOST_WORDS = 10_000
FEWEST_LINES = 40
EVALUATION_COLUMNS = 10
"""Into how many columns a held-out text is cut; it needs a word more, as every word but the first is predicted."""
_NO_WORD = re.compile(r"[\W_]+")
_WORD_OR_MARK = re.compile(r"\w+|[^\w\s]")

Lines = Mapping[str, list[str]]
Words = Mapping[str, list[list[str]]]
"""Those of each line."""


def check(root: Path, folder: str) -> None:
    """Raise InputError, naming what is missing, unless there is text in ``root/folder``."""
    if folder != PYTHON:
        files_of(root / folder)


def load(root: Path, folder: str) -> DataSet:
    """Three streams of word numbers, int32 (n,), without targets; ``classes`` is the size of the vocabulary.

    The vocabulary is that of the training split, frequent words first; words that it lacks are ``<unk>``.
    """
    from trainables.data.splits import opened

    return opened(store(root, folder))


def store(root: Path, folder: str) -> Path:
    """The cache folder of the text, made where it is missing; imports no torch. Raises InputError."""
    from trainables.data.array_cache import ensure_cached, identity_of

    if folder == PYTHON:
        import platform

        return ensure_cached(
            "text-python", platform.python_version(), lambda: _contents(_plain(lines_of(root, PYTHON)), PYTHON)
        )
    tokenised, files = files_of(root / folder)

    def build() -> Contents:
        lines = lines_of(root, folder)
        if tokenised:
            words = {split: [[*line.split(), END_OF_LINE] for line in part] for split, part in lines.items()}
        else:
            words = _plain(lines)
        return _contents(words, str(root / folder))

    return ensure_cached("text", f"{tokenised} {identity_of(files.values())}", build)


def lines_of(root: Path, folder: str) -> Lines:
    """The lines of each split as they stand in the files, without what ends them. Raises InputError as `load` does."""
    if folder == PYTHON:
        return _cut(_python_help(), PYTHON)
    named, files = files_of(root / folder)
    if named:
        return {split: _read(path) for split, path in files.items()}
    return _cut([line for path in files.values() for line in _read(path)], str(root / folder))


def files_of(folder: Path) -> tuple[bool, dict[str, Path]]:
    """Whether the folder's text is tokenised, and its files: one for each split, or plain ones by their names."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such folder of text; put ptb.train.txt, ptb.valid.txt and ptb.test.txt, files of "
            "this form, or plain .txt files there, name another folder in the data folder with "
            "--set 'workload.options={folder: ...}', or another data folder with --data"
        )
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    candidates = [path for path in visible if path.suffix.lower() in ENDINGS and path.is_file()]
    if not candidates:
        raise InputError(f"{folder}: there is no {' or '.join(ENDINGS)} file in this folder{_advice(visible)}")
    by_split = {split: [path for path in candidates if _has_word(path, words)] for split, words in SPLIT_WORDS.items()}
    by_part = {split: [path for path in candidates if words[0] in path.name] for split, words in SPLIT_WORDS.items()}
    if not _is_complete(by_split) and _is_complete(by_part):
        by_split = by_part  # training.txt or trainset.txt is the name of a split only beside those of the others
    if not any(by_split.values()):
        return False, {path.name: path for path in candidates}
    for split, found in by_split.items():
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise InputError(
                f"{folder}: one file of the {split} split is needed, with the word {SPLIT_WORDS[split][0]!r} in its "
                f"name; there is {names}. Plain text must have none of these words in its names"
            )
    if not _is_complete(by_split):
        (twice, _), *_ = Counter(path for found in by_split.values() for path in found).most_common(1)
        raise InputError(f"{twice}: its name has the words of two splits; each needs a file of its own")
    return True, {split: found[0] for split, found in by_split.items()}


def _has_word(path: Path, words: Iterable[str]) -> bool:
    return not set(words).isdisjoint(_NO_WORD.split(path.name.lower()))


def _is_complete(by_split: Mapping[str, list[Path]]) -> bool:
    """Whether each split has one file of its own."""
    files = [path for found in by_split.values() for path in found]
    return all(by_split.values()) and len(set(files)) == len(files) == len(by_split)


def _advice(visible: list[Path]) -> str:
    """What to do with what is there in place of text."""
    folders = [path.name for path in visible if path.is_dir()]
    packed = [path.name for path in visible if path.suffix.lower() in PACKED]
    others = [path.name for path in visible if path.name not in {*folders, *packed}]
    kinds = (
        ("unpack", packed),
        ("name one of the folders below,", folders),
        ("give plain text the ending .txt, not", others),
    )
    return "".join(f"; {what} {', '.join(names[:NAMES_TOLD])}" for what, names in kinds if names)


def _read(path: Path) -> list[str]:
    try:
        # A byte order mark at the start is no part of the text.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise not_utf_8(path) from None
    if any("\0" in line for line in lines):
        raise holds_nul(path)
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: this file of text is empty; fetch it again")
    return lines


def not_utf_8(path: Path) -> InputError:
    """The error for a file of text in another encoding."""
    with path.open("rb") as file:
        known = file.read(2) in UTF_16
    this, encoding = ("this is UTF-16, no UTF-8 text", "UTF-16") if known else ("this is no UTF-8 text", "ISO-8859-1")
    return InputError(
        f"{path}: {this}; write it as UTF-8, for example by iconv -f {encoding} -t UTF-8 if that is what it is"
    )


def holds_nul(path: Path) -> InputError:
    """The error for a file that is UTF-8 and has a character in it that no text has."""
    return InputError(
        f"{path}: there is a NUL character in it, as in UTF-16 without a byte order mark or in a damaged file; write "
        "it as UTF-8, for example by iconv -f UTF-16LE -t UTF-8 if that is what it is, or fetch it again"
    )


def check_held_out(words: Mapping[str, int], where: str) -> None:
    """Raise InputError for a held-out split that is too short to evaluate on; ``words`` is each split's number."""
    for split in ("validation", "test"):
        if (count := words[split]) <= EVALUATION_COLUMNS:
            raise InputError(
                f"{where}: the {split} split has {count} words, ends of lines counted; "
                f"at least {EVALUATION_COLUMNS + 1} are needed"
            )


def _python_help() -> list[str]:
    from pydoc_data.topics import topics

    return [line for name in sorted(topics) for line in topics[name].splitlines()]


def _cut(lines: list[str], where: str) -> Lines:
    """Plain text, cut into splits along its lines, of which blank ones are not counted."""
    with_words = [number for number, line in enumerate(lines) if line.strip()]
    if len(with_words) < FEWEST_LINES:
        raise InputError(
            f"{where}: there are {len(with_words)} lines with words, too few to train, validate and test on; at least "
            f"{FEWEST_LINES} are needed, such as a sentence or a paragraph each"
        )
    held_out = len(with_words) // 20
    validation, test = with_words[-2 * held_out], with_words[-held_out]
    return {"train": lines[:validation], "validation": lines[validation:test], "test": lines[test:]}


def _plain(lines: Lines) -> Words:
    """Plain text as words and marks; rare words are unknown ones."""
    words = {
        split: [found for line in part if (found := _WORD_OR_MARK.findall(line.lower()))]
        for split, part in lines.items()
    }
    counts = Counter(word for line in words["train"] for word in line)
    common = {word for word, count in counts.most_common(MOST_WORDS - 2) if count > 1}

    def known(part: list[list[str]]) -> list[list[str]]:
        return [[*(word if word in common else UNKNOWN for word in line), END_OF_LINE] for line in part]

    return {split: known(part) for split, part in words.items()}


def _contents(lines: Words, where: str) -> Contents:
    import numpy as np

    from trainables.data.array_cache import Contents

    check_held_out({split: sum(map(len, part)) for split, part in lines.items()}, where)
    counts = Counter(_words(lines["train"]))
    counts.setdefault(UNKNOWN, 0)
    # By frequency, as an adaptive softmax wants it; equal ones by the alphabet, so that numbers repeat.
    numbers = {word: i for i, word in enumerate(sorted(counts, key=lambda word: (-counts[word], word)))}
    unknown, nothing = numbers[UNKNOWN], np.zeros(0, dtype=np.int64)
    return Contents(
        {
            split: (np.fromiter((numbers.get(word, unknown) for word in _words(part)), np.int32), nothing)
            for split, part in lines.items()
        }
    )


def _words(lines: list[list[str]]) -> Iterator[str]:
    return (word for line in lines for word in line)
