"""A small net on scikit-learn's digits, trained as PyTorch's tutorials do: DataLoader, Adam, an evaluation an epoch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

TRIALS = 12
EPOCHS = 40
BATCH_SIZE = 32
LEARNING_RATES = (1e-5, 1e-1)
HELD_OUT_IMAGES = 270

Report = Callable[[dict[str, float]], None]


def load_data() -> tuple[TensorDataset, TensorDataset]:
    """1,257 images to train on and 270 to validate on; a third part of 270 stays unused."""
    # Here, so that a worker that only trains need not import scikit-learn.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    inputs, targets = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
    rest, _ = train_test_split(range(len(labels)), test_size=HELD_OUT_IMAGES, stratify=labels, random_state=0)
    train, validation = train_test_split(rest, test_size=HELD_OUT_IMAGES, stratify=labels[rest], random_state=0)
    return TensorDataset(inputs[train], targets[train]), TensorDataset(inputs[validation], targets[validation])


def train(lr: float, data: tuple[TensorDataset, TensorDataset], report: Report) -> float:
    """Train one net, report after every epoch, and return the last validation loss."""
    train_loader = DataLoader(data[0], batch_size=BATCH_SIZE, shuffle=True)
    validation_loader = DataLoader(data[1], batch_size=len(data[1]))
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    validation_loss = 0.0
    for _ in range(EPOCHS):
        train_loss = 0.0
        for inputs, targets in train_loader:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() / len(train_loader)
        validation_loss, accuracy = _evaluate(model, validation_loader)
        report({"train_loss": train_loss, "val_loss": validation_loss, "val_accuracy": accuracy})
    return validation_loss


@torch.no_grad()
def _evaluate(model: nn.Module, loader: DataLoader) -> tuple[float, float]:
    loss, correct, count = 0.0, 0, 0
    for inputs, targets in loader:
        outputs = model(inputs)
        loss += functional.cross_entropy(outputs, targets, reduction="sum").item()
        correct += int((outputs.argmax(1) == targets).sum())
        count += len(targets)
    return loss / count, correct / count
