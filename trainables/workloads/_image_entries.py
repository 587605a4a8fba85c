"""What entries of image classification share: metrics, options, and the data sets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from optimizers import Hyperparameter
from optimizers.domains import Flag, Real
from trainables.data import passes
from trainables.data.passes import Size
from trainables.workloads.training_options import PROCESSES, SIDE, DataFolder, Options
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


def image_files(folder: str, resolution: int) -> Options:
    """Of workloads that read images from files, which lie in a folder of the data folder."""
    return {
        **IMAGES,
        "folder": Hyperparameter(folder, "where the images lie in the data folder, or a full path", DataFolder()),
        "resolution": Hyperparameter(resolution, "side of the images that the model sees", SIDE, "pixels"),
        "workers": Hyperparameter(0, "processes that decode beside the training; 0: the training does", PROCESSES),
    }


_SHARE = Real(0, 0.5, exclude_min=True, exclude_max=True)
SPLIT: Options = {
    "augment": Hyperparameter(True, "cut training images out at random (8 to 100 % of the area); mirror some", Flag()),
    "validation_share": Hyperparameter(0.1, "of the images validate where the folder does not say which", _SHARE),
    "test_share": Hyperparameter(0.1, "of the images test where the folder does not say which", _SHARE),
}
"""Of workloads on any folder of images, beside :func:`image_files`."""


def batches_of_examples(size: Size, batch_size: int, options: Mapping[str, Any]) -> int:
    """Return the batches of a pass in which every example comes once."""
    return passes.batches(size.targets, batch_size)


classification = partial(
    WorkloadEntry,
    batches=batches_of_examples,
    metrics={"val/loss": "minimize", "val/accuracy": "maximize"},
    score="test/accuracy",
)
file_classification = partial(
    classification,
    metrics={"val/loss": "minimize", "val/accuracy": "maximize", "val/top5_accuracy": "maximize"},
    data_module="trainables.data.image_folder",
)
folder_classification = partial(
    file_classification,
    data="a folder with a folder of images for each class; or train and val (and test) with these in them",
    data_options=("folder", "validation_share", "test_share"),
)
