"""Texts become streams of words as they stand in the files, and what is missing or empty is named."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

import trainables
from optimizers import InputError
from trainables.data import text
from trainables.data.feeds import Sequential
from trainables.data.splits import Split


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


def tokenised(root: Path) -> Path:
    folder = root / "ptb"
    folder.mkdir()
    (folder / "ptb.train.txt").write_text(" the cat saw the dog \n the dog <unk> \n")
    (folder / "ptb.valid.txt").write_text(" the cat ran \n" * 3)
    (folder / "ptb.test.txt").write_text(" dog \n" * 6)
    return folder


def test_tokenised_files_are_words_between_blanks_with_an_end_for_each_line(tmp_path: Path) -> None:
    tokenised(tmp_path)
    data = text.load(tmp_path, "ptb")
    # the 3, <eos> 2, dog 2, <unk> 1, cat 1, saw 1: by frequency, equal ones by the alphabet.
    words = {"the": 0, "<eos>": 1, "dog": 2, "<unk>": 3, "cat": 4, "saw": 5}
    assert data.classes == 6
    by_number = {number: word for word, number in words.items()}
    read = [" ".join(by_number[n] for n in part.inputs.tolist()) for part in (data.train, data.validation, data.test)]
    assert read == [
        "the cat saw the dog <eos> the dog <unk> <eos>",
        " ".join(["the cat <unk> <eos>"] * 3),
        " ".join(["dog <eos>"] * 6),
    ]


def test_plain_text_is_cut_into_words_marks_and_splits(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    lines = [f"Hello, line number {i % 3}!" for i in range(100)]
    (tmp_path / "plain" / "a.txt").write_text("\n".join(lines))
    data = text.load(tmp_path, "plain")
    a_line = len(["hello", ",", "line", "number", "0", "!", "<eos>"])
    sizes = [len(split.inputs) for split in (data.train, data.validation, data.test)]
    assert sizes == [90 * a_line, 5 * a_line, 5 * a_line]
    assert data.classes == len({"hello", ",", "line", "number", "0", "1", "2", "!", "<eos>", "<unk>"}) - 1
    assert data.fingerprint == text.load(tmp_path, "plain").fingerprint


def test_python_brings_a_text_of_its_own() -> None:
    data = text.load(Path("nowhere"), text.PYTHON)
    assert len(data.train.inputs) > 50_000
    assert 1_000 < data.classes <= text.MOST_WORDS


def test_what_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ptb: there is no such folder of text; put ptb.train.txt"):
        text.check(tmp_path, "ptb")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: there is no \.txt or \.tokens file"):
        text.check(tmp_path, "empty")
    folder = tokenised(tmp_path)
    (folder / "ptb.valid.txt").write_text(" \n")
    with pytest.raises(InputError, match=r"ptb\.valid\.txt: this file of text is empty"):
        text.load(tmp_path, "ptb")
    (folder / "ptb.valid.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"ptb\.valid\.txt: this is UTF-16, no UTF-8 text; .* iconv"):
        text.load(tmp_path, "ptb")
    (folder / "ptb.train.txt").unlink()
    with pytest.raises(
        InputError, match="one file of the train split is needed, with the word 'train' in its name; there is none"
    ):
        text.check(tmp_path, "ptb")


PLAIN = "\n".join(f"the quick brown fox number {i} jumps over the lazy dog" for i in range(200))


def folder_of(root: Path, files: Mapping[str, str | bytes]) -> str:
    (root / "books").mkdir()
    for name, content in files.items():
        (root / "books" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return "books"


def sizes(root: Path, folder: str) -> list[int]:
    data = text.load(root, folder)
    return [len(split.inputs) for split in (data.train, data.validation, data.test)]


@pytest.mark.parametrize(
    "names",
    [
        ("new_testament.txt", "old_testament.txt"),
        ("greatest_hits.txt", "moby.txt"),
        ("training_day.txt", "moby.txt"),
        ("invalid.txt", "contest.txt"),
        ("MOBY.TXT", "a.txt"),
    ],
)
def test_titles_that_hold_the_name_of_a_split_are_plain_text(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert sizes(tmp_path, folder_of(tmp_path, dict.fromkeys(names, PLAIN))) == [4320, 240, 240]


@pytest.mark.parametrize(
    "names",
    [
        ("train.txt", "val.txt", "test.txt"),
        ("Train.TXT", "dev.txt", "test.txt"),
        ("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"),
        ("training.txt", "validation.txt", "test.txt"),
        ("trainset.txt", "validset.txt", "testset.txt"),
        ("train.txt", "valid.txt", "test.txt", "trained_words.txt", "readme.txt", "._train.txt", "wiki.train.raw"),
    ],
)
def test_names_of_splits_are_recognised_beside_other_files(tmp_path: Path, names: tuple[str, ...]) -> None:
    files = {name: PLAIN if number < 3 else "one other line" for number, name in enumerate(names)}
    assert sizes(tmp_path, folder_of(tmp_path, files)) == [2400, 2400, 2400]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a.txt": PLAIN})
    plain = text.load(tmp_path, folder)
    (tmp_path / "books" / "a.txt").write_bytes(b"\xef\xbb\xbf" + PLAIN.encode())
    marked = text.load(tmp_path, folder)
    assert marked.fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"a.txt": PLAIN.replace("fox", "f\u00fcchs").encode("latin-1")},
            r"a\.txt: this is no UTF-8 .*ISO-8859-1 -t UTF-8",
        ),
        ({"a.txt": PLAIN.encode("utf-16")}, r"a\.txt: this is UTF-16, .*iconv -f UTF-16 -t UTF-8"),
        ({"a.txt": PLAIN.encode("utf-16-le")}, r"a\.txt: there is a NUL character in it.*iconv -f UTF-16LE -t UTF-8"),
        ({"a.txt": f"Größer{PLAIN}\0".encode()}, r"a\.txt: there is a NUL character in it"),
        ({"a.txt": PLAIN.replace("\n", " ")}, r"books: there are 1 lines with words, .*at least 40 are needed"),
        ({"a.md": PLAIN, "b.text": PLAIN}, r"give plain text the ending \.txt, not a\.md, b\.text"),
        ({"a.txt.gz": PLAIN}, r"unpack a\.txt\.gz"),
        ({"train.txt": PLAIN, "valid.txt": "a b", "test.txt": PLAIN}, r"books: the validation split has 3 words"),
        ({"train.txt": PLAIN, "valid.txt": PLAIN}, r"one file of the test split is needed"),
        ({"train_test.txt": PLAIN, "valid.txt": PLAIN}, r"train_test\.txt: its name has the words of two splits"),
    ],
)
def test_text_that_cannot_be_used_is_refused_before_a_sweep(
    tmp_path: Path, files: dict[str, str | bytes], said: str
) -> None:
    folder = folder_of(tmp_path, files)
    with pytest.raises(InputError, match=said):
        trainables.get("lstm/text").obtain_data(tmp_path, {"folder": folder})


def test_a_folder_below_is_named(tmp_path: Path) -> None:
    (tmp_path / folder_of(tmp_path, {}) / "novels").mkdir()
    with pytest.raises(InputError, match=r"name one of the folders below, novels"):
        text.check(tmp_path, "books")


def test_a_text_shorter_than_a_batch_is_refused() -> None:
    with pytest.raises(InputError, match="has 8 words, too few for a batch_size of 8; it can be at most 7"):
        Sequential(Split(torch.arange(8), torch.zeros(0)), batch_size=8, length=4)


def test_columns_go_on_where_the_batch_before_ended() -> None:
    stream = torch.arange(23, dtype=torch.int32)
    feed = Sequential(Split(stream, torch.zeros(0)), batch_size=2, length=4)
    batches = [feed.batch(index) for index in range(feed.steps_per_epoch)]
    inputs, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert inputs.t().tolist() == [list(range(11)), list(range(11, 22))]
    assert torch.equal(targets, inputs + 1)
    assert feed.targets_per_epoch == 22
    assert [len(x) for x, _ in batches] == [4, 4, 3]


@pytest.mark.realdata
@pytest.mark.skipif("ADAMANT_DATA" not in os.environ, reason="ADAMANT_DATA does not name a data folder")
def test_real_text_of_the_penn_treebanks_form_has_its_counts() -> None:
    root = Path(os.environ["ADAMANT_DATA"])
    if not (root / "text" / "kjv").is_dir():
        pytest.skip("no text/kjv under ADAMANT_DATA")
    data = text.load(root, "text/kjv")
    sizes = [len(split.inputs) for split in (data.train, data.validation, data.test)]
    assert sizes == [742_401, 37_436, 40_916]
    assert data.classes == 10_000
    assert not math.isnan(data.train.inputs.float().mean().item())
