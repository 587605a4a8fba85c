"""The entry of the models of torchvision and timm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers import Hyperparameter
from trainables.data import passes
from trainables.data.passes import Size
from trainables.workloads._image_entries import SPLIT, folder_classification, image_files
from trainables.workloads._torchvision_models import ModelName, checked_size

FEWEST = 2
"""Images of a batch: nets with batch normalisation cannot be trained on one."""


def _batches(size: Size, batch_size: int, options: Mapping[str, Any]) -> int:
    return passes.batches(size.targets, batch_size, FEWEST)


ENTRIES = (
    folder_classification(
        name="torchvision/folder",
        target="trainables.workloads.torchvision_folder:TorchvisionFolder",
        model="torchvision's or timm's, by name, from random weights; resnet18 has 11.2 M parameters",
        epochs=20,
        batch_size=64,
        reference="none published; it depends on the images",
        options={
            "model": Hyperparameter("resnet18", "the classification model", ModelName()),
            **image_files("images", 64),
            **SPLIT,
        },
        complete=checked_size,
        batches=_batches,
    ),
)
