"""The transformer: torch's own layers with the same weights, known perplexities, and texts in every kind of token."""

from __future__ import annotations

import importlib.util
import io
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import trainables
from optimizers import InputError
from trainables import TrialSpec
from trainables.data import text, tokens
from trainables.data.feeds import Windows
from trainables.data.splits import DataSet, Split
from trainables.training.training_run import Training, open_training
from trainables.workloads.gpt import Gpt, GptText

SMALL: dict[str, Any] = {"layers": 2, "heads": 2, "width": 16, "context": 12}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "token-cache"))
    torch.set_num_threads(1)


def workload(**options: Any) -> GptText:
    loaded = trainables.get("gpt/text").load({**SMALL, **options})
    assert isinstance(loaded, GptText)
    return loaded


def stream(count: int, vocabulary: int) -> Split:
    drawn = torch.randint(vocabulary, (count,), dtype=torch.int32, generator=torch.Generator().manual_seed(0))
    return Split(drawn, torch.zeros(0, dtype=torch.int64))


class TorchLayers(nn.Module):
    """The net of torch's own encoder layers, with the weights of ours."""

    def __init__(self, ours: Gpt, width: int, heads: int) -> None:
        super().__init__()
        self.ours = ours
        gelu = partial(functional.gelu, approximate="tanh")
        self.layers = nn.ModuleList()
        for block in ours.blocks:
            mine: Any = block
            layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, gelu, batch_first=True, norm_first=True)
            pairs = (
                (layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias, mine.attend),
                (layer.self_attn.out_proj.weight, layer.self_attn.out_proj.bias, mine.gather),
                (layer.linear1.weight, layer.linear1.bias, mine.widen),
                (layer.linear2.weight, layer.linear2.bias, mine.narrow),
                (layer.norm1.weight, layer.norm1.bias, mine.before_attention),
                (layer.norm2.weight, layer.norm2.bias, mine.before_mlp),
            )
            for weight, bias, own in pairs:
                weight.data.copy_(own.weight.data)
                bias.data.copy_(own.bias.data)
            self.layers.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        x = self.ours.embedding(x) + self.ours.positions.weight[: x.shape[1]]
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=True)
        return self.ours.normalise(x) @ self.ours.embedding.weight.t()


def test_it_computes_what_torchs_own_layers_compute_with_its_weights() -> None:
    torch.manual_seed(0)
    gpt = workload()
    model = gpt.build_model(30)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p), alpha=0.1)
    theirs = TorchLayers(model, 16, 2)
    rows = torch.randint(30, (4, 13))
    logits = theirs(rows[:, :-1])
    torch.testing.assert_close(model(rows[:, :-1]), logits, rtol=1e-4, atol=1e-5)
    expected = functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
    loss = gpt.loss(model, rows[:, :-1], rows[:, 1:])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    [of_ours, of_theirs] = [torch.autograd.grad(one, model.embedding.weight)[0] for one in (loss, expected)]
    torch.testing.assert_close(of_ours, of_theirs, rtol=1e-3, atol=1e-6)


def test_it_begins_as_gpt_2_does() -> None:
    torch.manual_seed(0)
    model = workload(layers=8, width=128, context=64).build_model(500)
    deviations = {name: p.std().item() for name, p in model.named_parameters() if p.dim() == 2}
    ends = {name for name in deviations if name.endswith(("gather.weight", "narrow.weight"))}
    assert len(ends) == 16
    for name, deviation in deviations.items():
        assert deviation == pytest.approx(0.02 / math.sqrt(16) if name in ends else 0.02, rel=0.05)
    assert not any(p.any() for name, p in model.named_parameters() if name.endswith("bias"))
    assert "token_bytes" not in model.state_dict()


def test_a_model_that_knows_nothing_has_the_vocabulary_as_perplexity_and_eight_bits_a_byte() -> None:
    gpt = workload()
    split, nothing = stream(500, 256), stream(2, 2)
    model = gpt.model_for(DataSet(split, nothing, nothing, "", 256, schema={"token_bytes": [1] * 256}))
    nn.init.zeros_(model.embedding.weight)
    metrics = gpt.evaluate(model, split)
    assert metrics["perplexity"] == pytest.approx(256, rel=1e-5)
    assert metrics["bits_per_byte"] == pytest.approx(8, rel=1e-6)
    assert set(gpt.evaluate(gpt.build_model(256), split)) == {"loss", "perplexity"}


@pytest.mark.parametrize("count", [12, 13, 24, 25, 100])
def test_a_split_is_evaluated_on_every_token_but_the_first(count: int) -> None:
    gpt = workload()
    torch.manual_seed(0)
    model, split = gpt.build_model(30), stream(count, 30)
    losses = []
    for start in range(0, count - 1, 12):
        part = split.inputs[start : start + 13].long()
        losses += functional.cross_entropy(model(part[None, :-1])[0], part[1:], reduction="none").tolist()
    assert len(losses) == count - 1
    assert gpt.evaluate(model, split)["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_evaluation_draws_no_dropout_and_leaves_the_model_in_training() -> None:
    gpt = workload(dropout=0.5)
    model, split = gpt.build_model(30), stream(200, 30)
    assert gpt.evaluate(model, split) == gpt.evaluate(model, split)
    assert model.training
    rows = split.inputs[:24].long().view(2, 12)
    assert not torch.equal(model(rows), model(rows))


def test_windows_read_a_text_once_an_epoch_in_an_order_that_is_drawn() -> None:
    feed = Windows(Split(torch.arange(103, dtype=torch.int32), torch.zeros(0)), batch_size=4, length=10)
    generator = torch.Generator().manual_seed(0)
    orders, firsts = [], set()
    for _ in range(80):
        feed.begin_epoch(generator)
        batches = [feed.batch(index) for index in range(feed.steps_per_epoch)]
        assert [len(inputs) for inputs, _ in batches] == [4, 4, 1]
        inputs, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
        assert torch.equal(targets, inputs + 1)
        first = int(inputs.min())
        assert sorted(inputs.flatten().tolist()) == list(range(first, first + 90))
        orders.append(inputs[:, 0].tolist())
        firsts.add(first)
    assert firsts == set(range(10))
    assert len({tuple(order) for order in orders}) == 80
    again = Windows(Split(torch.arange(103, dtype=torch.int32), torch.zeros(0)), batch_size=4, length=10)
    again.begin_epoch(torch.Generator().manual_seed(0))
    assert again.batch(0)[0][:, 0].tolist() == orders[0][:4]


@pytest.mark.parametrize("count", [20, 21, 29, 30])
def test_windows_stay_within_a_short_text(count: int) -> None:
    feed, generator = Windows(stream(count, 30), batch_size=4, length=10), torch.Generator().manual_seed(0)
    for _ in range(30):
        feed.begin_epoch(generator)
        assert all(len(feed.batch(index)[0]) for index in range(feed.steps_per_epoch))


def test_a_text_shorter_than_two_windows_is_refused() -> None:
    with pytest.raises(InputError, match="has 19 tokens, too few for a context of 10; it can be at most 9"):
        Windows(stream(19, 5), batch_size=4, length=10)


def run(**training: Any) -> Training:
    """Two evaluations, the second of them in the middle of the second epoch of 8 steps."""
    options = {**SMALL, "dropout": 0.2}
    spec = TrialSpec("gpt/text", 2, 16, "adam", {"lr": 2e-3}, 3, options=options, training=training, evaluate_every=7)
    data = trainables.get("gpt/text").load_data(Path(), options)
    train, held_out = (Split(data.train.inputs[:count], data.train.targets) for count in (1500, 500))
    some = DataSet(train, held_out, held_out, "some", data.classes, schema=data.schema)
    return open_training(spec, some, torch.device("cpu"))


@pytest.mark.parametrize("how", [{}, {"accumulate": 2, "precision": "bfloat16"}], ids=["plain", "accumulated bfloat16"])
@pytest.mark.parametrize("stop_at", [1, 9])
def test_an_interrupted_run_equals_an_uninterrupted_one(stop_at: int, how: dict[str, Any]) -> None:
    whole = run(**how)
    whole.advance(10_000)
    part = run(**how)
    part.advance(stop_at)
    file = io.BytesIO()
    torch.save(part.state_dict(), file)
    file.seek(0)
    torch.manual_seed(99)
    resumed = run(**how)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    resumed.advance(10_000)
    assert resumed.finished
    assert resumed.weights_sha256() == whole.weights_sha256()
    assert resumed.curve[-1]["val/bits_per_byte"] == whole.curve[-1]["val/bits_per_byte"]


def test_it_learns_a_text_that_repeats() -> None:
    gpt = workload()
    torch.manual_seed(0)
    repeated = Split(torch.arange(2_000, dtype=torch.int32) % 7, torch.zeros(0))
    model, feed, generator = gpt.build_model(7), gpt.feed(repeated, 8), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        feed.begin_epoch(generator)
        for index in range(feed.steps_per_epoch):
            optimizer.zero_grad()
            gpt.loss(model, *feed.batch(index)).backward()
            optimizer.step()
    assert gpt.evaluate(model, repeated)["perplexity"] < 1.3


LINES = [f"Über den {i % 7}. Fluß, dann\tweiter   nach Süden: «{i * 37 % 101}»" for i in range(200)]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "a.txt").write_text("\r\n\r\n".join(LINES))
    return tmp_path


def tokens_of(root: Path, kind: str, vocabulary: int = 300) -> DataSet:
    return tokens.load(root, "book", kind, vocabulary)


def needs_byte_pairs(kind: str) -> None:
    if kind == "bpe":
        pytest.importorskip("tokenizers")


@pytest.mark.parametrize("kind", tokens.LOSSLESS)
def test_no_byte_of_the_text_is_lost_and_splits_are_its_lines(book: Path, kind: str) -> None:
    needs_byte_pairs(kind)
    data = tokens_of(book, kind)
    # A blank line stands with the line before it.
    expected = ["".join(f"{line}\n\n" for line in part) for part in (LINES[:180], LINES[180:190], LINES[190:])]
    expected[2] = expected[2].removesuffix("\n")
    size_of = torch.tensor(data.schema["token_bytes"])
    splits = (data.train, data.validation, data.test)
    assert [int(size_of[split.inputs.long()].sum()) for split in splits] == [len(part.encode()) for part in expected]
    assert data.classes == len(size_of) == {"bytes": 256, "characters": len(set(expected[0])) + 1, "bpe": 300}[kind]
    if kind == "bytes":
        assert bytes(data.test.inputs.tolist()).decode() == expected[2]
    elif kind == "characters":
        name_of = dict(zip(data.train.inputs.tolist(), expected[0], strict=True))
        assert "".join(name_of[one] for one in data.test.inputs.tolist()) == expected[2]
    else:
        assert len(data.train.inputs) < 0.7 * len(expected[0].encode()), "pairs are joined"


def test_characters_that_the_training_text_lacks_are_one_that_is_unknown(book: Path) -> None:
    (book / "book" / "a.txt").write_text("\n".join([*LINES, "Ω≈ç√"]))
    data = tokens_of(book, "characters")
    assert data.test.inputs[-5:-1].tolist() == [data.classes - 1] * 4
    assert data.schema["token_bytes"][-1] == 1


def test_byte_pairs_are_learnt_from_the_training_split_alone(book: Path) -> None:
    pytest.importorskip("tokenizers")
    before = tokens_of(book, "bpe", 1024)
    (book / "book" / "a.txt").write_text("\n\n".join([*LINES[:180], *("zyzzyva " * 5 for _ in range(20))]))
    after = tokens_of(book, "bpe", 1024)
    assert torch.equal(before.train.inputs, after.train.inputs)
    assert not torch.equal(before.test.inputs, after.test.inputs)
    assert before.classes == after.classes < 1024, "no more pairs than there are"


def test_words_are_those_of_the_lstms(book: Path) -> None:
    words = tokens_of(book, "words")
    assert words.fingerprint == text.load(book, "book").fingerprint
    assert not words.schema
    entry = trainables.get("gpt/text")
    assert entry.metrics_with({"tokens": "words"}) == ("val/loss", "val/perplexity")
    assert entry.metrics_with({"tokens": "bpe"}) == ("val/loss", "val/perplexity", "val/bits_per_byte")


def test_what_does_not_go_together_is_refused(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = trainables.get("gpt/text")
    with pytest.raises(InputError, match="heads must divide width, got 3 heads and a width of 128") as error:
        entry.check_options({"heads": 3})
    assert error.value.problems[0].settings == ("heads", "width")
    with pytest.raises(InputError, match="tokens must be one of characters, words, bytes, bpe, got 'letters'"):
        entry.check_options({"tokens": "letters"})
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        InputError, match=r"bpe needs the package tokenizers.*pip install tokenizers, or take characters"
    ):
        entry.check_data(book, {"folder": "book", "tokens": "bpe"})
    with pytest.raises(InputError, match="nowhere: there is no such folder of text"):
        entry.check_data(book, {"folder": "nowhere"})
