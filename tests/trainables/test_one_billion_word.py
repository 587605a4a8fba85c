"""The One Billion Word layout is read by shards, and its model's parts are what their papers say."""

from __future__ import annotations

import math
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch

import trainables
from optimizers import InputError
from trainables.data import one_billion_word
from trainables.data.splits import Split
from trainables.workloads.lstm import ProjectedLanguageModel

SIZES: dict[str, Any] = {"embedding": 12, "hidden": 20, "projection": 8, "layers": 2, "dropout": 0.0}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


def write(root: Path, training: list[str], held_out: list[str]) -> Path:
    for (folder, _), name, texts in (
        (one_billion_word.TRAINING, "news.en-{:05}-of-00100", training),
        (one_billion_word.HELD_OUT, "news.en.heldout-{:05}-of-00050", held_out),
    ):
        (root / "words" / folder).mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(texts):
            (root / "words" / folder / name.format(number)).write_text(text, encoding="utf-8")
    return root / "words"


def test_shards_become_streams_and_rare_words_unknown(tmp_path: Path) -> None:
    write(tmp_path, ["the cat ran\nthe dog\n", "the cat\n"], ["the dog\n" * 4, "a cat\n" * 4])
    data = one_billion_word.load(tmp_path, "words", fewest=2)
    # the 3, <eos> 3, cat 2; ran and dog are seen once.
    words = ["<eos>", "the", "cat", "<unk>"]
    read = [" ".join(words[n] for n in part.inputs.tolist()) for part in (data.train, data.validation, data.test)]
    held_out = [" ".join([sentence] * 4) for sentence in ("<unk> cat <eos>", "the <unk> <eos>")]
    assert read == ["the cat <unk> <eos> the <unk> <eos> the cat <eos>", *held_out]
    assert data.classes == 4


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"training-monolingual.tokenized.shuffled: 0 files news\.en-\*-of-\* are there"
    ):
        one_billion_word.check(tmp_path, "words", 3)
    write(tmp_path, ["a\n"], ["b\n"])
    with pytest.raises(InputError, match=r"heldout-monolingual.*: 1 files .* at least 2 are needed"):
        one_billion_word.check(tmp_path, "words", 3)
    write(tmp_path, ["a\n" * 50 + "a\0\n"], ["b\n" * 50, "c\n" * 50])
    with pytest.raises(InputError, match=r"news\.en-00000-of-00100: there is a NUL character in it"):
        one_billion_word.load(tmp_path, "words", 1)
    write(tmp_path, [""], ["b\n", "c\n"])
    with pytest.raises(InputError, match=r"news\.en-00000-of-00100: this shard is empty"):
        one_billion_word.check(tmp_path, "words", 3)
    write(tmp_path, ["the dog\n" * 6], ["b\n", "c\n" * 6])
    with pytest.raises(InputError, match=r"words: the test split has 2 words, .* at least 11 are needed"):
        one_billion_word.load(tmp_path, "words", 1)
    (shard,) = (tmp_path / "words" / one_billion_word.TRAINING[0]).glob("*00000*")
    shard.write_bytes("f\u00fcr\n".encode("latin-1") * 9)
    with pytest.raises(InputError, match=r"news\.en-00000-of-00100: this is no UTF-8 text; .* iconv -f ISO-8859-1"):
        one_billion_word.load(tmp_path, "words", 1)


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    def peak(shards: int) -> int:
        write(tmp_path / str(shards), ["the cat saw the dog\n" * 4_000] * shards, ["the cat\n" * 4] * 2)
        tracemalloc.start()
        one_billion_word.load(tmp_path / str(shards), "words", 1)
        measured = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return measured

    peak(1)  # what is imported at first
    assert peak(12) < peak(1) + 200_000


def test_the_adaptive_softmax_is_a_softmax_over_head_and_clusters() -> None:
    words = 50
    torch.manual_seed(0)
    model = ProjectedLanguageModel(words, **SIZES)
    remembered, targets = torch.randn(words, 8), torch.arange(words)
    head = model.predict.head(remembered).log_softmax(1)
    (cutoff, _) = model.predict.cutoffs
    tail = model.predict.tail[0](remembered).log_softmax(1)
    full = torch.cat([head[:, :cutoff], head[:, cutoff:] + tail], dim=1)
    torch.testing.assert_close(full.exp().sum(1), torch.ones(words))
    torch.testing.assert_close(model.losses(remembered, targets), -full[range(words), targets])


def test_the_size_is_that_of_its_layers() -> None:
    model = ProjectedLanguageModel(5_000, **{**SIZES, "layers": 1})
    lstm = 4 * (20 * (12 + 8) + 2 * 20) + 8 * 20
    head, tail = 8 * (4_000 + 1), 8 * 2 + 2 * 1_000
    assert sum(p.numel() for p in model.parameters()) == 5_000 * 12 + lstm + head + tail


def test_carried_state_goes_through_a_checkpoint() -> None:
    lstm: Any = trainables.get("lstm/one-billion-word").load({**SIZES, "length": 5})
    model, other = lstm.build_model(60), lstm.build_model(60)
    tokens = torch.randint(60, (11, 4))
    lstm.loss(model, tokens[:5], tokens[1:6])
    other.load_state_dict(model.state_dict())
    assert torch.equal(lstm.loss(other, tokens[5:10], tokens[6:11]), lstm.loss(model, tokens[5:10], tokens[6:11]))
    metrics = lstm.evaluate(model, Split(torch.randint(60, (400,)), torch.zeros(0)))
    assert metrics["perplexity"] == pytest.approx(math.exp(metrics["loss"]))


@pytest.mark.realdata
@pytest.mark.skipif("ADAMANT_DATA" not in os.environ, reason="ADAMANT_DATA does not name a data folder")
def test_the_sample_in_the_benchmarks_layout_has_its_sentences() -> None:
    root, folder = Path(os.environ["ADAMANT_DATA"]), "text/one-billion-word-format-sample"
    if not (root / folder).is_dir():
        pytest.skip(f"no {folder} under ADAMANT_DATA")
    data = one_billion_word.load(root, folder, 3)
    (end,) = data.train.inputs[-1:].tolist()
    sentences = [int((part.inputs == end).sum()) for part in (data.train, data.validation, data.test)]
    assert sentences[0] == 2_517
    assert sum(sentences[1:]) == 2_420
