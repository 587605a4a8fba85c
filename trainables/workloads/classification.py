"""Image classification: inputs from stored bytes, and augmentation of whole batches on their device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from trainables.data.example_draws import per_example
from trainables.data.splits import Split
from trainables.workloads.workload import EVALUATION_BATCH, OneLoss

PADDING = 4


class Classification(OneLoss):
    """Cross-entropy and accuracy over images stored as bytes, normalised by ``mean`` and ``deviation`` a channel.

    ``shape`` is the model's input (channels, height, width), or (features,) for a net that takes them flat. ``mirrors``
    says whether a mirrored image is one of the same class.
    """

    shape: ClassVar[tuple[int, ...]]
    mean: ClassVar[tuple[float, ...]]
    deviation: ClassVar[tuple[float, ...]]
    mirrors: ClassVar[bool] = False

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self._scale = [1 / (255 * deviation) for deviation in self.deviation]
        self._shift = [-mean / deviation for mean, deviation in zip(self.mean, self.deviation, strict=True)]

    def prepare(self, stored: Tensor) -> Tensor:
        """Model inputs (batch, *shape) as float32 from a batch of bytes; images with their channels last in memory."""
        channels = len(self.mean)
        images = stored.float().view(len(stored), channels, -1)
        scale, shift = (images.new_tensor(numbers)[:, None] for numbers in (self._scale, self._shift))
        images = torch.addcmul(shift, images, scale).view(len(stored), *self.shape)
        return images.contiguous(memory_format=torch.channels_last) if len(self.shape) == 3 else images

    def loss(self, model: torch.nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        images = self.prepare(inputs)
        if self.options.get("augment"):
            images = augment(images, self.mirrors)
        logits = model(images)
        return functional.cross_entropy(logits, targets, label_smoothing=self.options.get("label_smoothing", 0.0))

    @torch.no_grad()
    def evaluate(self, model: torch.nn.Module, split: Split) -> dict[str, float]:
        model.eval()
        loss, correct = 0.0, 0
        for inputs, targets in zip(
            split.inputs.split(EVALUATION_BATCH), split.targets.split(EVALUATION_BATCH), strict=True
        ):
            logits = model(self.prepare(inputs)).float()
            loss += functional.cross_entropy(logits, targets, reduction="sum").item()
            correct += int((logits.argmax(1) == targets).sum())
        model.train()
        return {"loss": loss / len(split.targets), "accuracy": correct / len(split.targets)}


class Mnist(Classification):
    """Grey images of 28x28; a mirrored digit is another sign, or none.

    5,000 of the training images validate, the test images are untouched until confirmation. Augmentation cuts images
    out of a border of 4 pixels.
    """

    shape = (1, 28, 28)
    mean, deviation = (0.1307,), (0.3081,)


class Cifar10(Classification):
    """Colour images of 32x32; a mirrored one shows the same thing.

    5,000 of the training images validate, the test images are untouched until confirmation. Augmentation cuts images
    out of a border of 4 pixels and mirrors every other.
    """

    shape = (3, 32, 32)
    mean, deviation = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    mirrors = True


def augment(images: Tensor, mirrors: bool) -> Tensor:
    """Each image (batch, channels, height, width) cut at random out of itself in a border of 4 zeros, and every other
    one mirrored where ``mirrors``: the augmentation of He et al., drawn for each on the device.
    """
    count, _, height, width = images.shape
    device = images.device
    down, right = per_example(
        lambda n, draw: torch.randint(2 * PADDING + 1, (2, n, 1), device=device, generator=draw), count, dim=1
    )
    rows = down + torch.arange(height, device=device)
    columns = right + torch.arange(width, device=device)
    if mirrors:
        chance = per_example(lambda n, draw: torch.rand(n, 1, device=device, generator=draw), count)
        columns = torch.where(chance < 0.5, columns, columns.flip(1))
    padded = functional.pad(images, (PADDING,) * 4)
    # Channels last, so that a pixel's channels are fetched together.
    pixels = padded.permute(0, 2, 3, 1)
    chosen = pixels[torch.arange(count, device=device)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return chosen.permute(0, 3, 1, 2)
