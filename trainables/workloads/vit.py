"""Small vision transformers on MNIST, CIFAR-10 and any folder of images: vit/mnist, vit/cifar10, vit/folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from trainables.workloads._vision_transformer import VisionTransformer
from trainables.workloads.classification import Cifar10, Mnist
from trainables.workloads.folder_classification import FolderClassification

SETTINGS = ("patch", "width", "depth", "heads", "dropout", "pool")


def _build(channels: int, size: int, classes: int, options: Mapping[str, Any]) -> nn.Module:
    return VisionTransformer(channels, size, classes, **{name: options[name] for name in SETTINGS})


class VitMnist(Mnist):
    """vit/mnist: 16 tokens of 7x7 pixels."""

    def build_model(self, classes: int) -> nn.Module:
        channels, size, _ = self.shape
        return _build(channels, size, classes, self.options)


class VitCifar10(Cifar10):
    """vit/cifar10: 64 tokens of 4x4 pixels."""

    def build_model(self, classes: int) -> nn.Module:
        channels, size, _ = self.shape
        return _build(channels, size, classes, self.options)


class VitFolder(FolderClassification):
    """vit/folder: 64 tokens of 8x8 pixels."""

    def build_model(self, classes: int) -> nn.Module:
        return _build(3, self.options["resolution"], classes, self.options)
