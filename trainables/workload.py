"""The contract of a workload: a model, a loss and metrics, each to be had without the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

from torch import Tensor, nn

from trainables.data import Split
from trainables.feeds import Feed, Shuffled

# Large enough to keep a device busy, small enough for the activations of any workload here.
EVALUATION_BATCH = 2048


class Workload(ABC):
    """One model with its loss, for the data set that its registry entry names.

    A subclass is one readable file. ``options`` are those of its entry, checked. It must be stateless: everything that
    varies lies in the model, the optimizer and the generators, which a checkpoint holds.
    """

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = options or {}

    @abstractmethod
    def build_model(self, classes: int) -> nn.Module:
        """A freshly initialised model for that many classes or words; draws from torch's global generator."""

    def feed(self, split: Split, batch_size: int) -> Feed:
        """The batches that the model is trained on."""
        return Shuffled(split, batch_size)

    def begin_epoch(self, model: nn.Module) -> None:  # noqa: B027 - most models remember nothing
        """Called before the first batch of each epoch."""

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


def multilayer_perceptron(*widths: int) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them, torch's default initialisation."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
