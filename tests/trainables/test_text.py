"""Texts become streams of words as they stand in the files, and what is missing or empty is named."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch

from optimizers import InputError
from trainables import text
from trainables.data import Split
from trainables.feeds import Sequential


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


def tokenised(root: Path) -> Path:
    folder = root / "ptb"
    folder.mkdir()
    (folder / "ptb.train.txt").write_text(" the cat saw the dog \n the dog <unk> \n")
    (folder / "ptb.valid.txt").write_text(" the cat ran \n")
    (folder / "ptb.test.txt").write_text(" dog \n")
    return folder


def test_tokenised_files_are_words_between_blanks_with_an_end_for_each_line(tmp_path: Path) -> None:
    tokenised(tmp_path)
    data = text.load(tmp_path, "ptb")
    # the 3, <eos> 2, dog 2, <unk> 1, cat 1, saw 1: by frequency, equal ones by the alphabet.
    words = {"the": 0, "<eos>": 1, "dog": 2, "<unk>": 3, "cat": 4, "saw": 5}
    assert data.classes == 6
    by_number = {number: word for word, number in words.items()}
    read = [" ".join(by_number[n] for n in part.inputs.tolist()) for part in (data.train, data.validation, data.test)]
    assert read == ["the cat saw the dog <eos> the dog <unk> <eos>", "the cat <unk> <eos>", "dog <eos>"]


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
    with pytest.raises(InputError, match=r"ptb\.valid\.txt: this is no UTF-8 text"):
        text.load(tmp_path, "ptb")
    (folder / "ptb.train.txt").unlink()
    with pytest.raises(
        InputError, match="one file of the train split is needed, its name with 'train' in it; there is none"
    ):
        text.check(tmp_path, "ptb")


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
