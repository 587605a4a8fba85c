"""Models of torchvision and timm, by name, on any folder of images: torchvision/folder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optimizers import InputError
from optimizers.errors import one_line
from trainables.data.feeds import Feed
from trainables.data.image_files import ShuffledFiles
from trainables.data.splits import Split
from trainables.workloads._torchvision_models import build
from trainables.workloads.folder_classification import FolderClassification
from trainables.workloads.torchvision_entries import FEWEST


class TorchvisionFolder(FolderClassification):
    """torchvision/folder: any classification model of torchvision, or of timm, from random weights.

    A last batch of one image, from which batch norm cannot learn, joins the batch before.
    """

    def build_model(self, classes: int) -> nn.Module:
        name, size = self.options["model"], self.options["resolution"]
        try:
            model = build(name, classes, size)
            with torch.no_grad():
                logits = model.eval()(torch.zeros(1, 3, size, size))
            shape = tuple(logits.shape)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            raise InputError(f"{name} cannot be built for images of {size}x{size} pixels: {one_line(error)}") from error
        if shape != (1, classes):
            raise InputError(f"{name} gives {shape} for one image, not one row of {classes} logits; take another model")
        return model.train()

    def feed(self, split: Split, batch_size: int) -> Feed:
        size, workers, augment = (self.options[name] for name in ("resolution", "workers", "augment"))
        return ShuffledFiles(split, batch_size, size, workers, augment, FEWEST)

    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        if len(inputs) > 1:
            return super().loss(model, inputs, targets)
        try:
            return super().loss(model, inputs, targets)
        except ValueError as error:
            raise InputError(
                f"{self.options['model']} cannot be trained on one image at a time ({one_line(error)}); take a larger "
                "batch_size, or fewer parts (training.accumulate, resources.workers)"
            ) from error
