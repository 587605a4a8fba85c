"""A workload of one's own: data, model, loss and metrics in one class, which a sweep names as "my_workload:MyTask".

::

    class Wine(Task):
        metrics = {"val/loss": "minimize", "val/accuracy": "maximize"}
        epochs, batch_size = 20, 64

        def __init__(self, file: Path, target: str = "quality"):
            self.file, self.target = file, target

        def data(self, root):
            table = pandas.read_csv(self.file)
            labels = table.pop(self.target).to_numpy()
            self.columns, self.classes = table.shape[1], labels.max() + 1
            return table.to_numpy(), labels

        def build_model(self):
            return nn.Sequential(nn.Linear(self.columns, 64), nn.ReLU(), nn.Linear(64, self.classes))

        def loss(self, model, batch):
            inputs, targets = batch
            return functional.cross_entropy(model(inputs), targets)

        def evaluate(self, model, split):
            logits = model(split.inputs)
            return {
                "loss": functional.cross_entropy(logits, split.targets),
                "accuracy": (logits.argmax(1) == split.targets).float().mean(),
            }
"""

from __future__ import annotations

import copy
import random
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from optimizers import InputError
from trainables.data.array_cache import SPLIT_SEED
from trainables.data.feeds import Batch
from trainables.data.own_data import data_set
from trainables.data.splits import DataSet, Split
from trainables.spec import Goal
from trainables.workloads.user_errors import errors_of_method, place_of
from trainables.workloads.workload import Part, Workload


class Task(Workload):
    """A model with its data, loss and metrics.

    Arguments of ``__init__`` are the options that a sweep can set, with their defaults; annotations say what they may
    be. A path, annotated as ``Path``, is relative to the sweep file. What :meth:`data` leaves on ``self`` is there in
    the other methods, and stays as it is: whatever changes in training belongs into the model, as a parameter or a
    buffer, where a checkpoint holds it. Random numbers come from torch's global generator, which the seed sets.

    Attributes:
        metrics: Those of the validation split, and which way each is better.
        score: The metric of the test split by which a verdict compares; the first of ``metrics`` if left out.
        epochs: Budget where a sweep gives none.
        batch_size: Examples in a batch where a sweep says nothing else.
        training: Options of the training in place of the usual ones, such as ``{"clip_norm": 1.0}``.
        part_names: Of a model in several parts, each with a loss and an optimizer of its own, the names of the parts
            that :meth:`parts` then returns in place of :meth:`loss`.
        allow_overlap: Whether equal examples may be in two splits.
    """

    metrics: ClassVar[Mapping[str, Goal]] = {"val/loss": "minimize"}
    score: ClassVar[str] = ""
    epochs: ClassVar[int] = 10
    batch_size: ClassVar[int] = 32
    training: ClassVar[Mapping[str, Any]] = {}
    part_names: ClassVar[tuple[str, ...]] = ()
    allow_overlap: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()

    @abstractmethod
    def data(self, root: Path) -> Any:
        """Return the data, which is read once in each process; ``root`` is the data folder.

        A mapping with ``train``, ``val`` and ``test``; one with ``train`` and ``test``; or all in one piece, to be
        split. Each is (inputs, targets), tensors or arrays with examples along the first axis, or a map-style dataset
        of such pairs. Torch's, numpy's and Python's generators are seeded before each call.
        """

    @abstractmethod
    def build_model(self) -> nn.Module:  # pyright: ignore[reportIncompatibleMethodOverride] - it knows its own data
        """Return a freshly initialised model."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the mean loss of a batch (inputs, targets), a scalar, for training."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither loss nor parts")

    def evaluate(self, model: nn.Module, split: Split) -> Mapping[str, Any]:
        """Return the metrics of a split by their names without ``val/``, numbers or tensors of one element.

        The model is in evaluation mode, and no gradient is recorded. ``split.inputs`` and ``split.targets`` are all
        examples, ``split.batches(size)`` some at a time. The mean loss, unless overridden.
        """
        total, count = 0.0, 0
        for inputs, targets in split.batches():
            total += float(self.loss(model, (inputs, targets))) * targets.numel()
            count += targets.numel()
        return {"loss": total / count}

    def model_for(self, data: DataSet) -> nn.Module:
        return self.build_model()

    def with_data(self, data: DataSet) -> Task:
        """A copy of the task that has read the data, with what :meth:`data` left on it."""
        return copy.copy(data.task) if isinstance(data, TaskData) and data.task is not None else self

    def parts(self, model: nn.Module) -> tuple[Part, ...]:
        return (Part("", model, partial(self._loss_of, model)),)

    def _loss_of(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        return self.loss(model, (inputs, targets))

    def measure(self, model: nn.Module, split: Split) -> dict[str, float]:
        with _evaluating(model):
            found = self.evaluate(model, split)
        if not isinstance(found, Mapping):
            raise InputError(
                f"{place_of(self, 'evaluate')} returns a {type(found).__name__}; return metrics by name, such as "
                '{"loss": 0.1}'
            )
        return {name: self._number(name, value) for name, value in found.items()}

    def _number(self, name: str, value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError, RuntimeError):
            shape = f" of shape {tuple(value.shape)}" if isinstance(value, Tensor | np.ndarray) else ""
            raise InputError(
                f"{place_of(self, 'evaluate')} returns a {type(value).__name__}{shape} as {name}; return a number"
            ) from None


@dataclass(frozen=True)
class TaskData(DataSet):
    """The data of a task, with the task that has read it."""

    task: Task | None = None


def read_data(task: Task, root: Path) -> TaskData:
    """Return a task's data, checked. Raises InputError, with the line of the user's file, for whatever is wrong."""
    with errors_of_method(type(task), "data"), _seeded():
        returned = task.data(root)
    try:
        data = data_set(returned)
    except InputError as error:
        raise InputError(f"{place_of(task, 'data')}: {error}") from None
    return TaskData(**{field.name: getattr(data, field.name) for field in fields(data)}, task=task)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Inside, every module is in evaluation mode, without gradients; after that each is in its own again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def _seeded() -> Iterator[None]:
    """Inside, all global generators are seeded, so that splits that are drawn are the same ones each time."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SPLIT_SEED)
        np.random.seed(SPLIT_SEED)
        random.seed(SPLIT_SEED)
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)
