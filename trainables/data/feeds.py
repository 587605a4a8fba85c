"""From a split to batches: in an order that is drawn anew every epoch, or along a text that is read from its start."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from trainables.data import passes
from trainables.data.splits import Split

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""


class Feed(ABC):
    """The batches of one split, epoch after epoch.

    ``steps_per_epoch`` batches make an epoch. Examples lie along ``axis`` of inputs and targets.
    """

    steps_per_epoch: int
    axis: int = 0

    @abstractmethod
    def begin_epoch(self, generator: torch.Generator) -> None:
        """Draw what is random about an epoch."""

    @abstractmethod
    def batch(self, index: int) -> Batch:
        """Batch ``index`` of the epoch, from 0 on."""


class Shuffled(Feed):
    """Every example once an epoch, ``batch_size`` at a time; the last batch may be smaller."""

    def __init__(self, split: Split, batch_size: int) -> None:
        self.split, self.batch_size = split, batch_size
        self.steps_per_epoch = passes.batches(len(split.targets), batch_size)

    def begin_epoch(self, generator: torch.Generator) -> None:
        self._order = torch.randperm(len(self.split.targets), generator=generator).to(self.split.targets.device)

    def batch(self, index: int) -> Batch:
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.split.inputs[chosen], self.split.targets[chosen]


class Sequential(Feed):
    """A text cut into ``batch_size`` equally long columns, of which each batch has the next ``length`` rows.

    Inputs are tokens (rows, batch_size), targets the tokens after them; the last batch may have fewer rows. So what a
    net remembers at the end of a batch is what it should know at the start of the next. What does not fill a row of
    columns at the text's end is left out. Raises InputError for a text that does not fill one row.
    """

    axis = 1

    def __init__(self, split: Split, batch_size: int, length: int) -> None:
        tokens = split.inputs
        rows = passes.rows(len(tokens), batch_size)
        self.length = length
        self._inputs = tokens[: rows * batch_size].view(batch_size, rows).t()
        self._targets = tokens[1 : rows * batch_size + 1].view(batch_size, rows).t()
        self.steps_per_epoch = passes.row_batches(len(tokens), batch_size, length)
        self.targets_per_epoch = rows * batch_size

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Nothing is random: a text has one order."""

    def batch(self, index: int) -> Batch:
        rows = slice(index * self.length, (index + 1) * self.length)
        return self._inputs[rows].long(), self._targets[rows].long()


class Windows(Feed):
    """A text cut into windows of ``length`` tokens, of which each batch has the next ``batch_size`` in a drawn order.

    Where the first window begins is drawn too, so that every epoch cuts the text in other places. Inputs are tokens
    (windows, length), targets the tokens after them; the last batch may have fewer windows. Up to ``2 * length - 1``
    tokens at the text's ends are left out of an epoch. Raises InputError for a text shorter than two windows.
    """

    def __init__(self, split: Split, batch_size: int, length: int) -> None:
        self._tokens, self._batch_size, self._length = split.inputs, batch_size, length
        self._windows = passes.windows(len(split.inputs), length)
        self.steps_per_epoch = passes.batches(self._windows, batch_size)

    def begin_epoch(self, generator: torch.Generator) -> None:
        first = torch.randint(self._length, (1,), generator=generator)
        starts = first + self._length * torch.randperm(self._windows, generator=generator)
        self._starts = starts.to(self._tokens.device)

    def batch(self, index: int) -> Batch:
        starts = self._starts[index * self._batch_size : (index + 1) * self._batch_size]
        within = torch.arange(self._length + 1, device=starts.device)
        windows = self._tokens[starts[:, None] + within].long()
        return windows[:, :-1], windows[:, 1:]
