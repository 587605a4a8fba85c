"""The entries of the residual nets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from trainables.workloads._image_entries import (
    CIFAR10,
    MNIST,
    augmented,
    classification,
    file_classification,
    image_files,
)

_SMALL: Mapping[str, Any] = {"options": augmented(True), "batch_size": 128}
_RESNET20 = "ResNet-20 (6n + 2, n = 3)"
_RESNET18 = "ResNet-18 with a 3x3 stem, 11.2 M parameters"


_imagenet = partial(
    file_classification,
    data="ImageNet's folders, train/CLASS/IMAGE and val/CLASS/IMAGE",
    data_options=("folder",),
    batch_size=256,
)

ENTRIES = (
    classification(
        name="resnet20/mnist",
        target="trainables.workloads.resnet:ResNet20Mnist",
        model=f"{_RESNET20}, 0.27 M parameters",
        epochs=20,
        reference="none published for this pair; above 99.5 % is usual",
        **MNIST,
        **_SMALL,
    ),
    classification(
        name="resnet20/cifar10",
        target="trainables.workloads.resnet:ResNet20Cifar10",
        model=f"{_RESNET20}, 0.27 M parameters",
        epochs=160,
        reference="91.25 % (He et al. 2016, SGD); 45,000 train images: SGD 91.37 %, Adam 89.99 %",
        **CIFAR10,
        **_SMALL,
    ),
    _imagenet(
        name="resnet20/imagenet",
        target="trainables.workloads.resnet:ResNet20ImageNet",
        model=f"{_RESNET20}, 0.33 M parameters, 64x64",
        epochs=40,
        reference="none published for this pair",
        options=image_files("imagenet", 64),
    ),
    classification(
        name="resnet18/mnist",
        target="trainables.workloads.resnet:ResNet18Mnist",
        model=_RESNET18,
        epochs=20,
        reference="none published for this pair; above 99.5 % is usual",
        **MNIST,
        **_SMALL,
    ),
    classification(
        name="resnet18/cifar10",
        target="trainables.workloads.resnet:ResNet18Cifar10",
        model=_RESNET18,
        epochs=200,
        reference="200 epochs: SGD 95.23 %, Adam 94.84 %, Lookahead 95.27 % (Lookahead, NeurIPS 2019)",
        **CIFAR10,
        **_SMALL,
    ),
    _imagenet(
        name="resnet18/imagenet",
        target="trainables.workloads.resnet:ResNet18ImageNet",
        model="torchvision's ResNet-18, 11.7 M parameters, 224x224",
        epochs=90,
        reference="top-1: SGD 70.23 %, AdaBelief 70.08 %, AdamW 67.93 %, Adam 63.79 to 66.54 % (arXiv 2010.07468)",
        options=image_files("imagenet", 224),
    ),
)
