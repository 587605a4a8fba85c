"""Every workload on some of its real data: it trains, and a run that was stopped goes on to the same bits."""

from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path
from typing import Any

import pytest
import torch

import trainables
from optimizers import InputError
from trainables import TrialSpec
from trainables.data import DataSet, Split
from trainables.training import Training, open_training

ROOT = Path(os.environ.get("ADAMANT_DATA", "nowhere"))
# Where a data set itself may not be passed on: another one of its form.
STAND_INS: dict[str, dict[str, Any]] = {
    "lstm/ptb": {"folder": "text/kjv"},
    "lstm/wikitext2": {"folder": "text/kjv"},
    "resnet18/imagenet": {"folder": "cifar10-folder", "resolution": 32},
    "resnet20/imagenet": {"folder": "cifar10-folder", "resolution": 32, "workers": 1},
    "lstm/one-billion-word": {"folder": "text/one-billion-word-format-sample", "hidden": 32, "projection": 16},
}
# So that augmentation, dropout and label smoothing are all drawn.
OPTIONS: dict[str, Any] = {"label_smoothing": 0.1, "augment": True, "dropout": 0.2, "layers": 2}
BATCH_SIZE, STEPS = 8, 5


@pytest.fixture(autouse=True)
def one_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "workload-cache"))
    torch.set_num_threads(1)


def some_of(split: Split, count: int) -> Split:
    return Split(split.inputs[:count], split.targets[:count])


def some_data(name: str, options: dict[str, Any]) -> DataSet:
    entry = trainables.get(name)
    try:
        entry.check_data(ROOT, options)
    except InputError as error:
        pytest.skip(f"no data under ADAMANT_DATA: {error}")
    data = entry.load_data(ROOT, options)
    # A text's batch is of columns, each some words long, and the last word has one after it.
    count = BATCH_SIZE * STEPS * options["length"] + 1 if "length" in options else BATCH_SIZE * STEPS
    parts = {split: some_of(getattr(data, split), count) for split in ("train", "validation", "test")}
    return dataclasses.replace(data, **parts)


def run(name: str) -> Training:
    entry = trainables.get(name)
    options = {**{key: value for key, value in OPTIONS.items() if key in entry.options}, **STAND_INS.get(name, {})}
    options = entry.check_options({**options, **({"length": 5} if "length" in entry.options else {})})
    hyperparameters = {"lr": 1e-3, "beta1_schedule": {"kind": "cosine", "to": 0.5}, "order": 4.0}
    training = {"lr_schedule": "cosine", "warmup": 0.3}
    spec = TrialSpec(name, 1, BATCH_SIZE, "moment_adam", hyperparameters, seed=5, training=training, options=options)
    return open_training(spec, some_data(name, options), torch.device("cpu"))


@pytest.mark.realdata
@pytest.mark.parametrize("name", trainables.names())
def test_an_interrupted_run_equals_an_uninterrupted_one(name: str) -> None:
    whole = run(name)
    whole.advance(1_000)
    assert whole.finished
    assert not whole.diverged
    part = run(name)
    part.advance(3)
    file = io.BytesIO()
    torch.save(part.state_dict(), file)
    file.seek(0)
    torch.manual_seed(4321)
    resumed = run(name)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    resumed.advance(1_000)
    assert resumed.weights_sha256() == whole.weights_sha256()
    assert resumed.test_metrics() == whole.test_metrics()
    curves = [[{**point, "timestamp": 0} for point in training.curve] for training in (resumed, whole)]
    assert curves[0] == curves[1]
    metrics = {key for key in curves[0][-1] if key.startswith("val/")}
    assert metrics == set(trainables.get(name).metrics)
    assert trainables.get(name).score in whole.test_metrics()
