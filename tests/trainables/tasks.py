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
from trainables.data.splits import Split


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


class FromFile(Wine):
    """Rows of a file of numbers, the last column the class."""

    def __init__(self, file: Path, width: int = 16) -> None:
        super().__init__(width)
        self.file = file

    def data(self, root: Path) -> Any:
        table = np.loadtxt(self.file, delimiter=",", dtype=np.float32)
        self.features, self.classes = table.shape[1] - 1, int(table[:, -1].max()) + 1
        return torch.from_numpy(table[:, :-1]), table[:, -1].astype(int)
