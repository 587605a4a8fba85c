"""The contract of a workload: a model, a loss and metrics, each to be had without the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.data import Split

# Large enough to keep a device busy, small enough for the activations of any workload here.
EVALUATION_BATCH = 2048


class Workload(ABC):
    """One model with its loss, for the data set that its registry entry names.

    A subclass is one readable file. It must be stateless: everything that varies lies in the model, the optimizer and
    the generators, which a checkpoint holds.
    """

    @abstractmethod
    def build_model(self) -> nn.Module:
        """A freshly initialised model; draws from torch's global generator."""

    @abstractmethod
    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean training loss of one batch, a scalar."""

    @abstractmethod
    def evaluate(self, model: nn.Module, split: Split) -> dict[str, float]:
        """Metrics of a whole split by their bare names, for example ``{"loss": 0.1, "accuracy": 0.97}``."""

    watches_steps: ClassVar[bool] = False
    """Whether ``after_step`` is to be called; it costs an exchange of the weights where an optimizer averages them."""

    def after_step(self, model: nn.Module, step: int) -> None:  # noqa: B027 - most workloads have nothing to count
        """What must be counted to the step, after each one, the first being 1, of the weights that are used.

        What it counts belongs into buffers of the model, so that a checkpoint holds it.
        """


class Classification(Workload):
    """Cross-entropy and accuracy over stored images; ``prepare`` turns a stored batch into the model's input."""

    @abstractmethod
    def prepare(self, stored: Tensor) -> Tensor:
        """Model inputs (batch, features...) as float32 from a batch as it lies in the data set."""

    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(model(self.prepare(inputs)), targets)

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: Split) -> dict[str, float]:
        model.eval()
        loss, correct = 0.0, 0
        for inputs, targets in zip(
            split.inputs.split(EVALUATION_BATCH), split.targets.split(EVALUATION_BATCH), strict=True
        ):
            logits = model(self.prepare(inputs))
            loss += functional.cross_entropy(logits, targets, reduction="sum").item()
            correct += int((logits.argmax(1) == targets).sum())
        model.train()
        return {"loss": loss / len(split.targets), "accuracy": correct / len(split.targets)}


def multilayer_perceptron(*widths: int) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them, torch's default initialisation."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
