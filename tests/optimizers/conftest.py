"""A small training run that is the same for every optimizer under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

Train = Callable[..., None]
Trained = Callable[..., list[Tensor]]


def _net(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    layers = [nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4)]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for layer in layers[::2]:
            assert isinstance(layer, nn.Linear)
            layer.reset_parameters()
    return nn.Sequential(*layers).to(dtype)


def _train(model: nn.Module, optimizer: torch.optim.Optimizer, start: int = 0, stop: int = 200) -> None:
    like = next(model.parameters())
    for step in range(start, stop):
        inputs = torch.randn(32, 8, generator=torch.Generator().manual_seed(step))
        labels = inputs[:, :4].argmax(1).to(like.device)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs.to(like)), labels).backward()
        optimizer.step()


def _trained(factory: Callable[[Any], torch.optim.Optimizer], **options: Any) -> list[Tensor]:
    model = _net()
    _train(model, factory(model.parameters()), **options)
    return [p.detach() for p in model.parameters()]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def net() -> Callable[..., nn.Sequential]:
    """Makes a small multilayer perceptron, the same one every time; takes its dtype."""
    return _net


@pytest.fixture
def train() -> Train:
    """Trains a model from step `start` to `stop`; the data of a step depend on its number alone."""
    return _train


@pytest.fixture
def trained() -> Trained:
    """Takes a function from parameters to an optimizer, and returns the parameters after 200 steps."""
    return _trained
