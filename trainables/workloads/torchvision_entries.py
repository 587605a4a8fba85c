"""The entry of the models of torchvision and timm."""

from __future__ import annotations

from optimizers import Hyperparameter
from trainables.workloads._image_entries import SPLIT, folder_classification, image_files
from trainables.workloads._torchvision_models import ModelName, checked_size

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
    ),
)
