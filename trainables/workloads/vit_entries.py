"""The entries of the vision transformers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from optimizers import Hyperparameter, Problem, raise_any
from optimizers.domains import DECAY, Choice, Integer
from trainables.workloads._image_entries import (
    CIFAR10,
    MNIST,
    SPLIT,
    augmented,
    classification,
    folder_classification,
    image_files,
)
from trainables.workloads.training_options import LAYERS, SIDE, UNITS, Options

# Warm-up, decay and clipping of Dosovitskiy et al.
TRAINING: Mapping[str, Any] = {"lr_schedule": "cosine", "warmup": 0.1, "clip_norm": 1.0}
_MODEL = "vision transformer, 4 blocks of width 128"


def _transformer(patch: int) -> Options:
    return {
        "patch": Hyperparameter(
            patch, "side of a patch, each of which is a token; divides the image's", Integer(1, SIDE.max), "pixels"
        ),
        "width": Hyperparameter(128, "numbers of a token; a multiple of heads", UNITS),
        "depth": Hyperparameter(4, "blocks", LAYERS),
        "heads": Hyperparameter(4, "of the attention of each block", LAYERS),
        "dropout": Hyperparameter(0.0, "on the tokens, inside each block and on what it adds", DECAY),
        "pool": Hyperparameter(
            "token", "what is classified: a learnt token, or the mean of all", Choice(("token", "mean"))
        ),
    }


def _checked(options: dict[str, Any], size: int | None = None) -> dict[str, Any]:
    """Return the options. Raises InputError where they do not go together."""
    raise_any(_problems(options, options["resolution"] if size is None else size))
    return options


def _problems(options: Mapping[str, Any], side: int) -> Iterator[Problem]:
    if side % options["patch"]:
        yield Problem(f"patches of {options['patch']} pixels do not divide images of {side}", ("patch",))
    if options["width"] % options["heads"]:
        yield Problem(f"{options['heads']} heads do not divide a width of {options['width']}", ("width",))


ENTRIES = (
    classification(
        name="vit/mnist",
        target="trainables.workloads.vit:VitMnist",
        model=f"{_MODEL}, 16 tokens; 0.80 M parameters",
        epochs=20,
        batch_size=128,
        reference="none published for this net",
        training=TRAINING,
        options={**augmented(False), **_transformer(7)},
        complete=partial(_checked, size=28),
        **MNIST,
    ),
    classification(
        name="vit/cifar10",
        target="trainables.workloads.vit:VitCifar10",
        model=f"{_MODEL}, 64 tokens; 0.81 M parameters",
        epochs=100,
        batch_size=128,
        reference="none published for this net",
        training=TRAINING,
        options={**augmented(True), **_transformer(4)},
        complete=partial(_checked, size=32),
        **CIFAR10,
    ),
    folder_classification(
        name="vit/folder",
        target="trainables.workloads.vit:VitFolder",
        model=f"{_MODEL}, 64 tokens; 0.83 M parameters",
        epochs=50,
        batch_size=64,
        reference="none published; it depends on the images",
        training=TRAINING,
        options={**image_files("images", 64), **SPLIT, **_transformer(8)},
        complete=_checked,
    ),
)
