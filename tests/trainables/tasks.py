"""Workloads as users write them, for `test_task.py`, `test_dry_step.py` and `test_workload_suite.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_diabetes, load_wine
from torch import Tensor, nn
from torch.nn import functional

from trainables import Task
from trainables.data.example_draws import per_example
from trainables.data.splits import Split
from trainables.workloads.workload import Part


class Wine(Task):
    """A small net on the 178 wines of scikit-learn.

    The features are standardised by those that are trained on.
    """

    metrics = {"val/loss": "minimize", "val/accuracy": "maximize"}  # noqa: RUF012 - as one writes it
    score = "test/accuracy"
    epochs, batch_size = 3, 16

    def __init__(self, width: int = 16, dropout: float = 0.0) -> None:
        self.width, self.dropout = width, dropout

    def data(self, root: Path) -> Any:
        found: Any = load_wine()
        self.features, self.classes = found.data.shape[1], len(found.target_names)
        self.mean, self.deviation = found.data.mean(0), found.data.std(0)
        return (found.data - self.mean) / self.deviation, found.target

    def build_model(self) -> nn.Module:
        return nn.Sequential(
            nn.Linear(self.features, self.width),
            nn.ReLU(),
            nn.Dropout(self.dropout),
            nn.Linear(self.width, self.classes),
        )

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = batch
        return functional.cross_entropy(model(inputs), targets)

    def evaluate(self, model: nn.Module, split: Split) -> Mapping[str, Any]:
        logits = model(split.inputs)
        return {
            "loss": functional.cross_entropy(logits, split.targets),
            "accuracy": (logits.argmax(1) == split.targets).float().mean(),
        }


class Diabetes(Task):
    """A regression, with nothing but what must be written."""

    def data(self, root: Path) -> Any:
        found: Any = load_diabetes()
        return {
            "train": (found.data[:300], found.target[:300, None] / 100),
            "test": (found.data[300:], found.target[300:, None] / 100),
        }

    def build_model(self) -> nn.Module:
        return nn.Linear(10, 1)

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = batch
        return functional.mse_loss(model(inputs), targets)


class Players(Task):
    """A generator of points in the plane and its discriminator, each with an optimizer of its own."""

    metrics = {"val/distance": "minimize"}  # noqa: RUF012 - as one writes it
    part_names = ("discriminator", "generator")

    def data(self, root: Path) -> Any:
        angle = torch.linspace(0, 6, 100)
        circle = torch.stack([angle.cos(), angle.sin()], 1)
        return circle, circle

    def build_model(self) -> nn.Module:
        return nn.ModuleDict({"discriminator": nn.Linear(2, 1), "generator": nn.Linear(4, 2)})

    def parts(self, model: Any) -> tuple[Part, ...]:
        def fake(count: int) -> Tensor:
            return model["generator"](per_example(lambda n, draw: torch.randn(n, 4, generator=draw), count))

        def told_apart(inputs: Tensor, targets: Tensor) -> Tensor:
            real, made = model["discriminator"](inputs), model["discriminator"](fake(len(inputs)))
            return functional.softplus(-real).mean() + functional.softplus(made).mean()

        def taken_for_real(inputs: Tensor, targets: Tensor) -> Tensor:
            return functional.softplus(-model["discriminator"](fake(len(inputs)))).mean()

        discriminator = Part("discriminator", model["discriminator"], told_apart)
        return discriminator, Part("generator", model["generator"], taken_for_real, every=2)

    def evaluate(self, model: Any, split: Split) -> Mapping[str, Any]:
        draws = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
        return {"distance": (model["generator"](draws).mean(0) - split.inputs.mean(0)).norm()}


class FromFile(Wine):
    """Rows of a file of numbers, the last column the class."""

    def __init__(self, file: Path, width: int = 16) -> None:
        super().__init__(width)
        self.file = file

    def data(self, root: Path) -> Any:
        table = np.loadtxt(self.file, delimiter=",", dtype=np.float32)
        self.features, self.classes = table.shape[1] - 1, int(table[:, -1].max()) + 1
        return torch.from_numpy(table[:, :-1]), table[:, -1].astype(int)
