"""Small classifiers by whose features generated images are judged where nobody has Inception's weights.

One for each data set, trained once by ``python -m trainables.workloads.feature_nets`` and kept in this folder, so that
a distance means the same on every machine. What they were trained on and how well they classify stands in ``NETS``.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from optimizers import InputError

FEATURES = 64


@dataclass(frozen=True)
class Trained:
    """A net of this folder: its images are ``channels`` x ``side`` x ``side``; ``accuracy`` is on test images.

    ``sha256`` is that of the file of its weights.
    """

    workload: str
    channels: int
    side: int
    accuracy: float
    sha256: str


NETS = {
    "mnist": Trained(
        "mlp/mnist",
        channels=1,
        side=28,
        accuracy=0.994,
        sha256="223c81d9d978cfebcbcf578ae92162d7325468bb76746a57dfb91f8b3c44a744",
    ),
    "cifar10": Trained(
        "mlp/cifar10",
        channels=3,
        side=32,
        accuracy=0.768,
        sha256="80e620b8db838db29d2e1dab2417b9d8d1b9f8b9a54e6f075c4a5413e23bb488",
    ),
}


class FeatureNet(nn.Module):
    """Three 3x3 convolutions of 32, 64 and 64 channels, each with batch norm, ReLU and pooling; linear to 64, to 10."""

    def __init__(self, channels: int, side: int, classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((channels, 32), (32, 64), (64, 64)):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * (side // 8) ** 2, FEATURES))
        self.classify = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, 64), before their ReLU, of images (n, channels, side, side) with values from -1 to 1."""
        return self.body(images)


def path_of(name: str) -> Path:
    """Where the weights of that net lie, as float16."""
    return Path(__file__).with_name(f"{name}.pt")


@lru_cache
def load(name: str, device: torch.device) -> FeatureNet:
    """The trained net of that data set, for evaluation. Raises InputError when the file of its weights is damaged."""
    trained, path = NETS[name], path_of(name)
    contents = path.read_bytes()
    if hashlib.sha256(contents).hexdigest() != trained.sha256:
        raise InputError(f"{path}: these weights are not the published ones; install adamant again")
    net = FeatureNet(trained.channels, trained.side)
    weights = torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True)
    net.load_state_dict({key: value.float() for key, value in weights.items()})
    return net.to(device).eval().requires_grad_(False)
