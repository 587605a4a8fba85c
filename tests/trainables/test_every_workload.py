"""Every workload on some of its real data: it trains in a trial, and one that was stopped goes on to the same bits."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

import trainables
from optimizers import InputError
from trainables import TrialSpec
from trainables.data import DataSet, Split
from trainables.trial import Trial

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
SMALLER: dict[str, Any] = {"length": 5, "width": 8, "samples": 100}
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


def spec_of(name: str) -> TrialSpec:
    """Two evaluations, the first of them in the middle of a pass over the data."""
    entry = trainables.get(name)
    options = {key: value for key, value in {**OPTIONS, **SMALLER}.items() if key in entry.options}
    options = entry.check_options({**options, **STAND_INS.get(name, {})})
    return TrialSpec(
        name,
        2,
        BATCH_SIZE,
        "moment_adam",
        {"lr": 1e-3, "beta1_schedule": {"kind": "cosine", "to": 0.5}, "order": 4.0},
        seed=5,
        metric=entry.metrics[0],
        test=True,
        training={"lr_schedule": "cosine", "warmup": 0.3},
        options=options,
        evaluate_every=3,
    )


def trial(spec: TrialSpec, folder: Path, session: int = 1) -> Trial:
    config = {
        "spec": spec.to_dict(),
        "folder": str(folder),
        "session": session,
        "data_root": "",
        "decisions": [1, 2],
        "tradeoffs": [],
    }
    return Trial({**config, "cpus": 1, "gpus": 0})


@pytest.mark.realdata
@pytest.mark.parametrize("name", trainables.names())
def test_an_interrupted_trial_equals_an_uninterrupted_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(name)
    data = some_data(name, spec.options)
    monkeypatch.setattr("trainables.trial._load_data", lambda *_: data)
    whole = trial(spec, tmp_path / "whole")
    assert [whole.step()["epoch"], whole.step()["done"]] == [1, True]
    interrupted = trial(spec, tmp_path / "part")
    assert not interrupted.step()["done"]
    torch.manual_seed(4321)
    resumed = trial(spec, tmp_path / "part", session=2)
    again = resumed.step()
    assert (again["step"], again["done"]) == (3, False), "it goes on from the checkpoint, and tells its result again"
    outcome = resumed.step()["outcome"]
    records = [json.loads((tmp_path / run / "record.json").read_text()) for run in ("whole", "part")]
    assert outcome["status"] == "finished", outcome
    assert records[0]["outcome"] == records[1]["outcome"]
    curves = [[{**point, "timestamp": 0} for point in record["curve"]] for record in records]
    assert curves[0] == curves[1]
    metrics = {key for key in curves[0][-1] if key.startswith("val/")}
    entry = trainables.get(name)
    assert metrics == set(entry.metrics_with(spec.options))
    assert {key for key in curves[0][-1] if key.startswith("train/")} == set(entry.train_losses)
    assert entry.score in outcome["test"]
