"""Every workload small: a run of it that draws all that can be drawn, on some of its data or on data made up for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

import trainables
from tests.trainables.test_image_folder import tree
from trainables import TrialSpec
from trainables.data.splits import DataSet, Split

# Where a data set itself may not be passed on: another one of its form.
STAND_INS: dict[str, dict[str, Any]] = {
    "lstm/ptb": {"folder": "text/kjv"},
    "lstm/wikitext2": {"folder": "text/kjv"},
    "resnet18/imagenet": {"folder": "cifar10-folder", "resolution": 32},
    "resnet20/imagenet": {"folder": "cifar10-folder", "resolution": 32, "workers": 1},
    "torchvision/folder": {"folder": "cifar10-folder", "resolution": 32, "model": "mobilenet_v3_small"},
    "vit/folder": {"folder": "cifar10-folder", "resolution": 32},
    "lstm/one-billion-word": {"folder": "text/one-billion-word-format-sample", "hidden": 32, "projection": 16},
}
# So that augmentation, dropout and label smoothing are all drawn.
OPTIONS: dict[str, Any] = {"label_smoothing": 0.1, "augment": True, "dropout": 0.2, "layers": 2}
SMALLER: dict[str, Any] = {"length": 5, "context": 5, "width": 8, "samples": 100}
BATCH_SIZE, STEPS = 8, 5
MADE_UP_CLASSES = 10
MADE_UP_EXAMPLES: dict[str, tuple[int, ...]] = {
    "trainables.data.mnist": (28 * 28,),
    "trainables.data.cifar10": (3, 32, 32),
}
"""The shape of an example, in bytes, of the data that has one."""


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
        metric=next(iter(entry.metrics)),
        test=True,
        training={"lr_schedule": "cosine", "warmup": 0.3},
        options=options,
        evaluate_every=3,
    )


def examples(options: dict[str, Any]) -> int:
    """How many examples are enough for the run of `spec_of`."""
    # A text's batch is of columns, each some words long, and the last word has one after it.
    if "length" in options:
        return BATCH_SIZE * STEPS * options["length"] + 1
    # Where the first of a text's windows begins is drawn, which costs one of them.
    return BATCH_SIZE * STEPS * options["context"] + options["context"] if "context" in options else BATCH_SIZE * STEPS


def first_of(data: DataSet, options: dict[str, Any]) -> DataSet:
    """The first examples of each split."""
    count = examples(options)
    splits = {name: getattr(data, name) for name in ("train", "validation", "test")}
    parts = {name: Split(split.inputs[:count], split.targets[:count]) for name, split in splits.items()}
    return dataclasses.replace(data, **parts)


def made_up_data(spec: TrialSpec, folder: Path) -> DataSet:
    """Data of the form of the workload's own; what needs no file is the real thing."""
    entry = trainables.get(spec.workload)
    if entry.data_module == "trainables.data.image_folder":
        if not (folder / "imagenet").is_dir():
            tree(folder)
        return entry.load_data(folder, {**spec.options, "folder": "imagenet"})
    if entry.data_module in ("trainables.data.digits", "trainables.data.no_data", "trainables.data.table"):
        return first_of(entry.load_data(folder, spec.options), spec.options)
    draw = torch.Generator().manual_seed(0)
    count, shape = examples(spec.options), MADE_UP_EXAMPLES.get(entry.data_module)

    def split() -> Split:
        if shape is None:  # a text
            words = torch.randint(MADE_UP_CLASSES, (count,), dtype=torch.int32, generator=draw)
            return Split(words, torch.zeros(0, dtype=torch.int64))
        inputs = torch.randint(256, (count, *shape), dtype=torch.uint8, generator=draw)
        return Split(inputs, torch.arange(count) % MADE_UP_CLASSES)

    return DataSet(split(), split(), split(), fingerprint="made up", classes=MADE_UP_CLASSES)
