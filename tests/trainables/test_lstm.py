"""The language model: its size, what it remembers, and perplexities that are known."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import trainables
from trainables import TrialSpec
from trainables.data.splits import Split
from trainables.training.training_run import Training, open_training
from trainables.workloads._linear_cross_entropy import linear_cross_entropy
from trainables.workloads.lstm import LanguageModel

SMALL: dict[str, Any] = {"embedding": 12, "hidden": 16, "layers": 2, "dropout": 0.3, "length": 20}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "text-cache"))
    torch.set_num_threads(1)


def workload(**options: Any) -> Any:
    return trainables.get("lstm/text").load({**SMALL, **options})


def tokens(count: int, words: int) -> torch.Tensor:
    return torch.randint(words, (count,), dtype=torch.int32, generator=torch.Generator().manual_seed(0))


def test_parameter_counts() -> None:
    def count(**options: Any) -> int:
        return sum(p.numel() for p in workload(embedding=200, hidden=300, **options).build_model(10_000).parameters())

    embedding, first, second = 10_000 * 200, 4 * (300 * (200 + 300) + 2 * 300), 4 * (300 * (300 + 300) + 2 * 300)
    assert count(layers=1) == embedding + first + 10_000 * 301
    assert count(layers=3) == embedding + first + 2 * second + 10_000 * 301
    assert count(layers=2, tied=True) == embedding + first + second + (300 + 1) * 200 + 10_000
    tied = workload(tied=True).build_model(50)
    assert tied.predict.weight is tied.embedding.weight


def test_a_uniform_model_has_the_size_of_the_vocabulary_as_its_perplexity() -> None:
    lstm = workload()
    model = lstm.build_model(137)
    for p in model.predict.parameters():
        nn.init.zeros_(p)
    metrics = lstm.evaluate(model, Split(tokens(3_000, 137), torch.zeros(0)))
    assert metrics["perplexity"] == pytest.approx(137, rel=1e-5)
    assert metrics["loss"] == pytest.approx(math.log(137), rel=1e-6)


def test_carried_state_equals_one_long_sequence() -> None:
    lstm = workload(dropout=0.0, layers=3)
    model = lstm.build_model(30)
    text = tokens(41 * 4, 30).long().view(41, 4)
    lstm.begin_epoch(model)
    parts = [lstm.loss(model, text[i : i + 10], text[i + 1 : i + 11]).item() for i in (0, 10, 20, 30)]
    logits, _ = model(text[:40], None)
    whole = functional.cross_entropy(logits.flatten(0, 1), text[1:].flatten()).item()
    assert sum(parts) / 4 == pytest.approx(whole, rel=1e-5)
    assert model.carried is not None
    assert not model.carried[0].requires_grad
    lstm.begin_epoch(model)
    assert model.carried is None


def test_evaluation_leaves_what_is_carried_alone() -> None:
    lstm = workload()
    model = lstm.build_model(30)
    text = tokens(400, 30)
    lstm.loss(model, text[:100].long().view(20, 5), text[1:101].long().view(20, 5))
    before = model.carried
    first = lstm.evaluate(model, Split(text, torch.zeros(0)))
    assert model.carried is before
    assert first == lstm.evaluate(model, Split(text, torch.zeros(0))), "no dropout, no memory of the last time"


def run(precision: str = "float32") -> Training:
    hyperparameters = {"lr": 2e-3}
    spec = TrialSpec(
        "lstm/text", 1, 200, "adam", hyperparameters, seed=3, options=SMALL, training={"precision": precision}
    )
    return open_training(spec, trainables.get("lstm/text").load_data(Path(), SMALL), torch.device("cpu"))


def test_an_interrupted_run_equals_an_uninterrupted_one() -> None:
    """Stopped twice in the middle of the text, with a state that is carried and a dropout that is drawn."""
    whole = run()
    whole.advance(10_000)
    part = run()
    for stop_at in (1, 13):
        part.advance(stop_at - part.step)
        assert isinstance(part.model, LanguageModel)
        assert part.model.carried is not None
        file = io.BytesIO()
        torch.save(part.state_dict(), file)
        file.seek(0)
        torch.manual_seed(99)
        part = run()
        part.load_state_dict(torch.load(file, weights_only=True))
    part.advance(10_000)
    assert part.finished
    assert part.weights_sha256() == whole.weights_sha256()
    assert part.curve[-1]["val/perplexity"] == whole.curve[-1]["val/perplexity"]


def test_it_learns_a_text_that_repeats() -> None:
    lstm = workload(dropout=0.0, layers=1)
    torch.manual_seed(0)
    model = lstm.build_model(7)
    text = torch.arange(2_000, dtype=torch.int32) % 7
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    feed = lstm.feed(Split(text, torch.zeros(0)), 4)
    for _ in range(3):
        lstm.begin_epoch(model)
        for index in range(feed.steps_per_epoch):
            optimizer.zero_grad()
            lstm.loss(model, *feed.batch(index)).backward()
            optimizer.step()
    assert lstm.evaluate(model, Split(text, torch.zeros(0)))["perplexity"] < 1.2


@pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-5), ("bfloat16", 3e-2)])
def test_the_loss_of_all_words_and_its_gradients_are_those_of_cross_entropy(precision: str, rtol: float) -> None:
    torch.manual_seed(0)
    inputs = (torch.randn(50, 16) * 3).requires_grad_()
    layer, targets = nn.Linear(16, 200), torch.randint(200, (50,))
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        losses = {
            "ours": linear_cross_entropy(inputs, layer.weight, layer.bias, targets),
            "torch": functional.cross_entropy(layer(inputs), targets),
        }
    assert losses["ours"].item() == pytest.approx(losses["torch"].item(), rel=1e-6)
    gradients = [torch.autograd.grad(loss * 3, [inputs, *layer.parameters()]) for loss in losses.values()]
    for ours, theirs in zip(*gradients, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol / 10)
