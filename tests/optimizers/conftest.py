"""A small training run that is the same for every optimizer under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optimizers.testing import _problems as problems

Train = Callable[..., None]
Trained = Callable[..., list[Tensor]]


def _trained(factory: Callable[[Any], torch.optim.Optimizer], **options: Any) -> list[Tensor]:
    model = problems.net()
    problems.train(model, factory(model.parameters()), **options)
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
    return problems.net


@pytest.fixture
def train() -> Train:
    """Trains a model from step `start` to `stop`; the data of a step depend on its number alone."""
    return problems.train


@pytest.fixture
def trained() -> Trained:
    """Takes a function from parameters to an optimizer, and returns the parameters after 200 steps."""
    return _trained
