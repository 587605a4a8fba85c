"""mlp/table: a fully connected net on a table, which predicts a class or a number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.data.splits import DataSet, Split
from trainables.workloads.workload import EVALUATION_BATCH, OneLoss

WIDEST_EMBEDDING = 50


class TableNet(nn.Module):
    """Linear layers with ReLU and dropout between them, on ``numbers`` inputs and the embeddings of the others.

    An embedding has half as many numbers as there are ``categories`` in its column, 50 at most (Guo and Berkhahn,
    Entity Embeddings of Categorical Variables, arXiv 1604.06737). The category 0, of values that the training rows do
    not have, is all zeros and stays so. ``deviation`` is that of the targets in their own unit, None of classes.
    """

    def __init__(
        self,
        numbers: int,
        categories: Sequence[int],
        hidden: Sequence[int],
        outputs: int,
        dropout: float,
        deviation: float | None = None,
    ) -> None:
        super().__init__()
        self.numbers, self.deviation = numbers, deviation
        widths = [min(WIDEST_EMBEDDING, (count + 1) // 2) for count in categories]
        self.embeddings = nn.ModuleList(
            nn.Embedding(count + 1, width, padding_idx=0) for count, width in zip(categories, widths, strict=True)
        )
        layers: list[nn.Module] = []
        width = numbers + sum(widths)
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """What is predicted (rows, outputs) from inputs (rows, columns), numbers first."""
        if not self.embeddings:
            return self.layers(inputs)
        numbers, codes = inputs[:, : self.numbers], inputs[:, self.numbers :].long()
        embedded = [embed(column) for embed, column in zip(self.embeddings, codes.unbind(1), strict=True)]
        return self.layers(torch.cat([numbers, *embedded], dim=1))


class MlpTable(OneLoss):
    """mlp/table: an MLP on any CSV or Parquet file, or on a table of scikit-learn's.

    Classes are judged by cross-entropy and accuracy. A number is trained by the mean squared error in units of the
    target's variance over the training rows, which is ``loss``; ``rmse`` is in the target's own unit.
    Reference: test accuracy 100 % (wine), 99.5 % (breast_cancer) and 96.8 % (digits), RMSE 65.1 (diabetes), means over
    5 seeds with Adam at 1e-3; scikit-learn's MLP of the same sizes and budget on the same splits 100 %, 99.8 %, 96.5 %
    and 67.5, ``tests/by_hand/tables_against_scikit_learn.py``.
    Data: see ``trainables.data.table`` and ``trainables.data._table_columns``.
    """

    def model_for(self, data: DataSet) -> TableNet:
        schema = data.schema
        return TableNet(
            schema["numbers"],
            schema["categories"],
            self.options["hidden"],
            data.classes,
            self.options["dropout"],
            schema.get("deviation"),
        )

    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        return _loss_of(_as_table_net(model), model(inputs), targets, "mean")

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: Split) -> dict[str, float]:
        net = _as_table_net(model).eval()
        loss, correct, count = 0.0, 0, len(split.targets)
        for inputs, targets in zip(
            split.inputs.split(EVALUATION_BATCH), split.targets.split(EVALUATION_BATCH), strict=True
        ):
            predicted = net(inputs)
            loss += _loss_of(net, predicted, targets, "sum").item() / count
            correct += int((predicted.argmax(1) == targets).sum())
        net.train()
        if net.deviation is not None:
            return {"loss": loss, "rmse": math.sqrt(loss) * net.deviation}
        return {"loss": loss, "accuracy": correct / count}


def _loss_of(net: TableNet, predicted: Tensor, targets: Tensor, reduction: str) -> Tensor:
    predicted = predicted.float()
    if net.deviation is not None:
        return functional.mse_loss(predicted.squeeze(1), targets, reduction=reduction)
    return functional.cross_entropy(predicted, targets, reduction=reduction)


def _as_table_net(model: nn.Module) -> TableNet:
    assert isinstance(model, TableNet)
    return model
