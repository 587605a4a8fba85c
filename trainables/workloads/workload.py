"""The contract of a workload: a model, a loss and metrics, each to be had without the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn

from trainables.data.feeds import Feed, Shuffled
from trainables.data.splits import DataSet, Split

# Large enough to keep a device busy, small enough for the activations of any workload here.
EVALUATION_BATCH = 2048
# A loss this many times that of the first step (or of 1, if that was smaller) will not come back.
DIVERGENCE_MULTIPLE = 100.0

Loss = Callable[[Tensor, Tensor], Tensor]
"""The mean training loss, a scalar, of a batch's inputs and targets."""


@dataclass(frozen=True)
class Part:
    """A part of a model that has a loss and an optimizer of its own; its turn comes at every ``every``-th step.

    The parts of a model take turns in their order, each on what the one before has just learnt.
    """

    name: str
    module: nn.Module
    loss: Loss
    every: int = 1


class Workload(ABC):
    """A model in one or more parts, each with its loss, for the data set that its registry entry names.

    A subclass is one readable file. ``options`` are those of its entry, checked. It must be stateless: everything that
    varies lies in the model, the optimizer and the generators, which a checkpoint holds.
    """

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = options or {}

    def with_data(self, data: DataSet) -> Workload:
        """The workload that trains on this data, which is itself unless it learns something from the data."""
        return self

    def build_model(self, classes: int) -> nn.Module:
        """A freshly initialised model for that many classes or words; draws from torch's global generator.

        A subclass overrides this or :meth:`model_for`.
        """
        raise NotImplementedError(f"{type(self).__name__} overrides neither build_model nor model_for")

    def model_for(self, data: DataSet) -> nn.Module:
        """A freshly initialised model for the data, of which most models need to know the number of classes only."""
        return self.build_model(data.classes)

    def feed(self, split: Split, batch_size: int) -> Feed:
        """The batches that the model is trained on."""
        return Shuffled(split, batch_size)

    def begin_epoch(self, model: nn.Module) -> None:  # noqa: B027 - most models remember nothing
        """Called before the first batch of each epoch."""

    @abstractmethod
    def parts(self, model: nn.Module) -> tuple[Part, ...]:
        """What is trained of the model, with the names of the registry's entry; one part without a name if all is."""

    def highest_loss(self, first: float) -> float:
        """The loss above which a run that began with a loss of ``first`` counts as diverged."""
        return DIVERGENCE_MULTIPLE * max(first, 1.0)

    @abstractmethod
    def evaluate(self, model: nn.Module, split: Split) -> Mapping[str, float]:
        """Metrics of a whole split by their bare names, for example ``{"loss": 0.1, "accuracy": 0.97}``."""

    def measure(self, model: nn.Module, split: Split) -> dict[str, float]:
        """As :meth:`evaluate`, from the training loop."""
        return dict(self.evaluate(model, split))

    def pictures(self, model: nn.Module) -> dict[str, Tensor]:
        """What is to be seen of the model at an evaluation, by name: bytes (3, height, width)."""
        return {}

    watches_steps: ClassVar[bool] = False
    """Whether ``after_step`` is to be called; it costs an exchange of the weights where an optimizer averages them."""

    def after_step(self, model: nn.Module, step: int) -> None:  # noqa: B027 - most workloads have nothing to count
        """What must be counted to the step, after each one, the first being 1, of the weights that are used.

        What it counts belongs into buffers of the model, so that a checkpoint holds it.
        """


class OneLoss(Workload):
    """A workload whose model is trained as a whole."""

    @abstractmethod
    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean training loss of one batch, a scalar."""

    def parts(self, model: nn.Module) -> tuple[Part, ...]:
        return (Part("", model, partial(self.loss, model)),)
