"""Small problems that every optimizer under test is given, the same each time and for every type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

Params = list[nn.Parameter]
SHAPES = ((4,), (3, 2))


def target(p: Tensor) -> Tensor:
    """Where the quadratics have their least value."""
    return torch.linspace(-2, 3, p.numel()).reshape(p.shape).to(p.dtype)


def quadratic(params: Iterable[Tensor]) -> Tensor:
    """A sum over all parameters, each on its own: what one does tells nothing of another."""
    terms = [((p - target(p)) ** 2).sum() for p in params]
    return torch.stack([term.to(torch.float64) for term in terms]).sum()


def zeros(*shapes: Sequence[int], dtype: torch.dtype = torch.float32) -> Params:
    """Parameters of these shapes."""
    return [nn.Parameter(torch.zeros(tuple(shape), dtype=dtype)) for shape in shapes or SHAPES]


def descend(optimizer: Any, params: Params, steps: int, scheduler: LRScheduler | None = None) -> None:
    """Take steps on the quadratic of these parameters."""
    for _ in range(steps):
        optimizer.zero_grad()
        quadratic(params).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()


def values(params: Iterable[Tensor]) -> list[Tensor]:
    """Copies of the parameters."""
    return [p.detach().clone() for p in params]


def equal(ours: Iterable[Tensor], theirs: Iterable[Tensor]) -> bool:
    """Return whether two lists of tensors are the same to the last bit."""
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def distance(ours: Iterable[Tensor], theirs: Iterable[Tensor]) -> float:
    """Return the largest difference between two lists of tensors."""
    return max(float((a.detach() - b.detach()).abs().max()) for a, b in zip(ours, theirs, strict=True) if a.numel())


def finite(params: Iterable[Tensor]) -> bool:
    """Return whether no parameter has nan or inf."""
    return all(bool(p.isfinite().all()) for p in params)


def net(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    """A small multilayer perceptron."""
    layers = [nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for layer in layers[::2]:
            assert isinstance(layer, nn.Linear)
            layer.reset_parameters()
    return nn.Sequential(*layers).to(dtype)


def train(model: nn.Module, optimizer: Any, start: int = 0, stop: int = 200) -> None:
    """Train the perceptron from a step to another; the data of a step depend on its number alone."""
    like = next(model.parameters())
    for step in range(start, stop):
        inputs = torch.randn(32, 8, generator=torch.Generator().manual_seed(step))
        labels = inputs[:, :4].argmax(1).to(like.device)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs.to(like)), labels).backward()
        optimizer.step()


def refused(action: Callable[[], object], *errors: type[Exception]) -> str | None:
    """Return what the action said when it refused by one of these errors; None when it did not."""
    try:
        action()
    except errors as error:
        return str(error)
    return None
