"""What entries of image classification share: metrics, options, and the data sets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from optimizers import Hyperparameter
from optimizers.domains import Flag, Real
from trainables.workloads.training_options import Options
from trainables.workloads.workload_entry import WorkloadEntry

MNIST: Mapping[str, Any] = {"data_module": "trainables.data.mnist", "data": "MNIST, torchvision's files"}
CIFAR10: Mapping[str, Any] = {"data_module": "trainables.data.cifar10", "data": "CIFAR-10, torchvision's files"}

IMAGES: Options = {
    "label_smoothing": Hyperparameter(
        0.0, "share of the target spread evenly over all classes, in training alone", Real(0, 1, exclude_max=True)
    )
}
"""Of workloads that classify images."""


def augmented(default: bool) -> Options:
    """Those, and the augmentation of workloads that classify images by convolutions."""
    augment = "cut training images out of a border of 4 pixels; mirror every other where that changes nothing"
    return {**IMAGES, "augment": Hyperparameter(default, augment, Flag())}


classification = partial(
    WorkloadEntry, metrics={"val/loss": "minimize", "val/accuracy": "maximize"}, score="test/accuracy"
)
