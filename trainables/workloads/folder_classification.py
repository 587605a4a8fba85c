"""Classification of image files, which are decoded while a model is trained on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.data.feeds import Feed
from trainables.data.image_files import ShuffledFiles, in_order
from trainables.data.splits import Split
from trainables.workloads.workload import OneLoss

# Of ImageNet's images, a channel.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
EVALUATION_BATCH = 256


class FolderClassification(OneLoss):
    """Classification of image files: loss, top-1 and top-5 accuracy (of as many classes as there are, if fewer).

    Training images are cut out at random and mirrored, unless the option ``augment`` is off; of others the middle is
    taken. All are normalised a channel.
    """

    def feed(self, split: Split, batch_size: int) -> Feed:
        return ShuffledFiles(
            split,
            batch_size,
            self.options["resolution"],
            self.options["workers"],
            augment=self.options.get("augment", True),
        )

    def prepare(self, stored: Tensor) -> Tensor:
        """Model inputs (batch, 3, height, width) as float32 with channels last from a batch of bytes."""
        mean, deviation = (stored.new_tensor(numbers, dtype=torch.float32) for numbers in (MEAN, DEVIATION))
        images = (stored / 255 - mean[:, None, None]) / deviation[:, None, None]
        return images.contiguous(memory_format=torch.channels_last)

    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        logits = model(self.prepare(inputs))
        return functional.cross_entropy(logits, targets, label_smoothing=self.options["label_smoothing"])

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: Split) -> dict[str, float]:
        model.eval()
        loss, first, among_five = 0.0, 0, 0
        for inputs, targets in in_order(split, EVALUATION_BATCH, self.options["resolution"], self.options["workers"]):
            logits = model(self.prepare(inputs)).float()
            loss += functional.cross_entropy(logits, targets, reduction="sum").item()
            best = logits.topk(min(5, logits.shape[1])).indices == targets[:, None]
            first += int(best[:, 0].sum())
            among_five += int(best.sum())
        model.train()
        count = len(split.targets)
        return {"loss": loss / count, "accuracy": first / count, "top5_accuracy": among_five / count}
