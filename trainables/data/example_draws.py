"""Numbers drawn for each example of a batch: the same ones whether one process has the batch or several share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

Draw = Callable[[int, torch.Generator | None], Tensor]
"""Draws for so many examples, from the generator or, for None, from torch's global one of the device."""


@dataclass(frozen=True)
class _Place:
    first: int
    whole: int
    generator: torch.Generator


_place: _Place | None = None


def per_example(draw: Draw, count: int, dim: int = 0) -> Tensor:
    """What ``draw`` gives for the ``count`` examples of the batch, which lie along ``dim`` of it.

    In a share of a batch they are drawn for all of the batch, and those of the share are given.
    """
    if _place is None:
        return draw(count, None)
    return _of_share(_place, draw, count, dim)  # pyright: ignore[reportCallIssue] - the decorator's own type


@torch.compiler.disable
def _of_share(place: _Place, draw: Draw, count: int, dim: int) -> Tensor:
    return draw(place.whole, place.generator).narrow(dim, place.first, count)


@contextmanager
def in_share(first: int, whole: int, generator: torch.Generator) -> Iterator[None]:
    """Inside, the examples of a loss are those from ``first`` on of a batch of ``whole``."""
    global _place  # noqa: PLW0603 - a loss is a function of a batch and is told nothing else
    _place = _Place(first, whole, generator)
    try:
        yield
    finally:
        _place = None
