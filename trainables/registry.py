"""The workloads by name. Importing this imports no torch, so that listing and validating stay instant."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError, did_you_mean

if TYPE_CHECKING:
    from trainables.data import DataSet
    from trainables.workload import Workload


@dataclass(frozen=True)
class WorkloadEntry:
    """What a reader and a sweep need to know of a workload before it is loaded.

    ``target`` is "module:Class" of the workload; ``data_module`` has ``check(root)`` and ``load(root)`` for its data.
    ``metrics`` are those of the validation split. ``score`` is the test metric that the verdict compares,
    ``score_goal`` says which way is better, and ``score_note``, a sentence, what else must be known to read it.
    ``epochs`` and ``batch_size`` hold where a sweep gives none.
    """

    name: str
    target: str
    data_module: str
    model: str
    data: str
    metrics: tuple[str, ...]
    score: str
    score_goal: str
    epochs: int
    batch_size: int
    reference: str
    score_note: str = ""

    def load(self) -> Workload:
        """The workload itself; imports torch."""
        module, _, cls = self.target.partition(":")
        return getattr(importlib.import_module(module), cls)()

    def check_data(self, root: Path) -> None:
        """Raise InputError, naming the file and what would be right, unless the data can be had; imports no torch."""
        importlib.import_module(self.data_module).check(root)

    def load_data(self, root: Path) -> DataSet:
        """The three fixed splits, memory-mapped and shared by all processes of a node."""
        return importlib.import_module(self.data_module).load(root)


_CLASSIFICATION = {"metrics": ("val/loss", "val/accuracy"), "score": "test/accuracy", "score_goal": "maximize"}


def _function(class_name: str, reference: str) -> WorkloadEntry:
    """A known function of two coordinates, as a workload without data."""
    return WorkloadEntry(
        name=f"function/{class_name.lower()}",
        target=f"trainables.functions:{class_name}",
        data_module="trainables.no_data",
        model="a point (x, y), float64; the seed draws its start",
        data="none; an epoch is 100 steps",
        metrics=("val/loss", "val/steps_to_1e-6", "val/distance"),
        score="test/steps_to_1e-6",
        score_goal="minimize",
        epochs=20,
        batch_size=1,
        reference=reference,
        score_note="A run that misses 1e-6 counts its steps once more for each decade that it lacks.",
    )


_ENTRIES = {
    entry.name: entry
    for entry in (
        WorkloadEntry(
            name="mlp/digits",
            target="trainables.mlp_digits:MlpDigits",
            data_module="trainables.digits",
            model="64-128-64-10, ReLU",
            data="scikit-learn's 1,797 digits, 8x8; nothing to download",
            epochs=40,
            batch_size=32,
            reference="none published; a tuned Adam reaches about 97 % test accuracy",
            **_CLASSIFICATION,
        ),
        WorkloadEntry(
            name="mlp/mnist",
            target="trainables.mlp_mnist:MlpMnist",
            data_module="trainables.mnist",
            model="784-512-256-64-10, ReLU",
            data="MNIST, torchvision's files",
            epochs=20,
            batch_size=64,
            reference="the project's origin: train loss below 0.01 and test loss 0.13 to 0.21 after 50 epochs",
            **_CLASSIFICATION,
        ),
        _function("Rosenbrock", "least value 0 at (1, 1); start (-1.2, 1)"),
        _function("Beale", "least value 0 at (3, 0.5); start (1, 1)"),
        _function("Himmelblau", "least value 0 at (3, 2) and three more; start (0, 0)"),
        _function("Ackley", "least value 0 at (0, 0), where it has a kink; start (2.4, -1.7)"),
        _function("Rastrigin", "least value 0 at (0, 0); start (2.3, 1.6)"),
    )
}


def names() -> tuple[str, ...]:
    """All workload names, sorted."""
    return tuple(sorted(_ENTRIES))


def get(name: str) -> WorkloadEntry:
    """The entry of that name. Raises InputError, with the nearest name, when there is none."""
    if name not in _ENTRIES:
        raise InputError(
            f'no workload is called "{name}"; there are {", ".join(names())}.{did_you_mean(name, names())}'
        )
    return _ENTRIES[name]
