"""Workloads with a fault each, as people make them, by the case of the suite that must find it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.trainables.tasks import Wine
from trainables.data.splits import Split

Batch = tuple[Tensor, Tensor]


class CutWrong(Wine):
    """Slices that share a row."""

    def data(self, root: Path) -> Any:
        x, y = super().data(root)
        order = np.random.permutation(len(y))
        x, y = x[order], y[order]
        return {"train": (x[:121], y[:121]), "val": (x[120:150], y[120:150]), "test": (x[150:], y[150:])}


class OwnGenerator(Wine):
    """Examples that a generator without a seed has put in order."""

    def data(self, root: Path) -> Any:
        x, y = super().data(root)
        order = np.random.default_rng().permutation(len(y))
        return x[order], y[order]


class OrderOfASet(Wine):
    """Columns in the order of a set of their names, which is another in each process."""

    def data(self, root: Path) -> Any:
        x, y = super().data(root)
        names = {f"column {number}" for number in range(self.features)}
        return x[:, [int(name.split()[1]) for name in names]], y


class SummedLoss(Wine):
    """The sum over the batch in place of the mean."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1], reduction="sum")


class LossOfEach(Wine):
    """A loss for each example."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1], reduction="none")


class UnusedLayer(Wine):
    """A layer that the loss does not go through."""

    def build_model(self) -> nn.Module:
        model = super().build_model()
        model.add_module("spare", nn.Linear(3, 3))
        return model

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        logits = batch[0]
        for layer in list(model.children())[:-1]:
            logits = layer(logits)
        return functional.cross_entropy(logits, batch[1])

    def evaluate(self, model: nn.Module, split: Split) -> Mapping[str, Any]:
        return {"loss": self.loss(model, (split.inputs, split.targets)), "accuracy": 0.5}


class OtherMetric(Wine):
    """A metric under another name than it is declared by."""

    def evaluate(self, model: nn.Module, split: Split) -> Mapping[str, Any]:
        found = super().evaluate(model, split)
        return {"loss": found["loss"], "acc": found["accuracy"]}


class OwnValidation(Wine):
    """Metrics of what it has kept for itself in place of the split that is asked for."""

    def data(self, root: Path) -> Any:
        x, y = super().data(root)
        self.kept = torch.from_numpy(x[:30]).float(), torch.from_numpy(y[:30]).long()
        return x, y

    def evaluate(self, model: nn.Module, split: Split) -> Mapping[str, Any]:
        return super().evaluate(model, Split(*self.kept))


class NoisyAugmentation(Wine):
    """Noise from a generator that no seed sets and no checkpoint holds."""

    noise = np.random.default_rng(0)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        noise = torch.from_numpy(self.noise.normal(size=batch[0].shape)).float()
        return super().loss(model, (batch[0] + 0.1 * noise, batch[1]))


class OwnSeed(Wine):
    """A seed in the model's constructor."""

    def build_model(self) -> nn.Module:
        torch.manual_seed(42)
        return super().build_model()


class WarmUpOnItself(Wine):
    """Steps that are counted on the workload, and begin at 0 again after an interruption."""

    steps = 0

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        self.steps += 1
        return super().loss(model, batch) * min(1.0, self.steps / 5)


class Scaled(nn.Module):
    """Scales its input by a running mean that is a plain attribute, or a buffer that is not saved."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("size", torch.ones(features), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.size = 0.9 * self.size + 0.1 * inputs.detach().abs().mean(0)
        return inputs / self.size


class UnsavedBuffer(Wine):
    """A running mean that is in no state_dict."""

    def build_model(self) -> nn.Module:
        return nn.Sequential(Scaled(self.features), super().build_model())


class TrainsInEvaluation(Wine):
    """Statistics of a batch norm that are taken from what is evaluated."""

    def build_model(self) -> nn.Module:
        return nn.Sequential(nn.BatchNorm1d(self.features), super().build_model())

    def evaluate(self, model: nn.Module, split: Split) -> Mapping[str, Any]:
        model.train()
        return super().evaluate(model, split)


class WrongSign(Wine):
    """A likelihood in place of a loss."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return -super().loss(model, batch)


class DeadOutput(Wine):
    """A net that ends in a ReLU whose inputs are below 0."""

    def build_model(self) -> nn.Module:
        last = nn.Linear(self.features, self.classes)
        nn.init.constant_(last.bias, -100.0)
        return nn.Sequential(last, nn.ReLU())


class LastExample(Wine):
    """The loss of the last example of a batch, of which each process has another."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return functional.cross_entropy(model(batch[0])[-1:], batch[1][-1:])


CAUGHT_BY = {
    CutWrong: "splits_are_disjoint",
    OwnGenerator: "data_is_fixed",
    SummedLoss: "pieces_of_a_batch_equal_the_whole",
    LossOfEach: "loss_is_a_finite_scalar",
    UnusedLayer: "every_parameter_gets_a_gradient",
    OtherMetric: "metrics_are_those_declared",
    OwnValidation: "evaluation_reads_only_its_split",
    NoisyAugmentation: "same_seed_same_bits",
    OwnSeed: "another_seed_another_start",
    WarmUpOnItself: "interrupted_equals_uninterrupted",
    UnsavedBuffer: "state_is_in_the_model",
    TrainsInEvaluation: "evaluation_leaves_no_trace",
    WrongSign: "it_learns",
    DeadOutput: "it_learns",
}
"""In one process."""
CAUGHT_BY_OTHERS = {OrderOfASet: "data_is_fixed", LastExample: "two_workers_train_as_one"}
"""Only by another process, or by two."""
