"""Data sets as tensors over memory-mapped arrays, which all processes of a node share, with a fingerprint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.data.array_cache import SPLITS, open_stored


@dataclass(frozen=True)
class Split:
    """``inputs`` (examples, ...) as stored and ``targets``, along the same first axis.

    Targets are classes (examples,) as int64, or numbers (examples, ...) as floating point. A text has none, (0,): its
    inputs are a stream of word numbers, each the target of the one before.
    """

    inputs: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> Split:
        return Split(self.inputs.to(device), self.targets.to(device))

    def batches(self, size: int = 256) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all examples in their order, inputs and targets of ``size`` at a time; the last may be fewer."""
        return zip(self.inputs.split(size), self.targets.split(size), strict=True)

    @property
    def is_stream(self) -> bool:
        """Whether the inputs are a text, in which an element is no example."""
        return self.targets.numel() == 0 and len(self.inputs) > 0

    def some(self, count: int) -> Split:
        """Return ``count`` examples from all over the split, or the first elements of a text; all if it has fewer."""
        between = 1 if self.is_stream else max(1, len(self.inputs) // count)
        return Split(self.inputs[::between][:count], self.targets[::between][:count])


@dataclass(frozen=True)
class DataSet:
    """The three fixed splits.

    ``classes`` is the number of classes, or of words of a text; 0 where targets are no classes. ``fingerprint`` is a
    SHA-256 of the data, so equal exactly for equal data: of every byte of the splits or, for images that stay in files,
    of their names, classes and contents. ``former_fingerprint`` is what earlier versions recorded, where that was
    another. ``note`` says, in words, where the data is not the published one. ``schema`` is what a model must know of
    the data beside ``classes``, such as the widths of a table's columns.
    """

    train: Split
    validation: Split
    test: Split
    fingerprint: str
    classes: int
    note: str = ""
    former_fingerprint: str | None = None
    schema: Mapping[str, Any] = field(default_factory=dict)

    def to(self, device: torch.device) -> DataSet:
        train, validation, test = (split.to(device) for split in (self.train, self.validation, self.test))
        return replace(self, train=train, validation=validation, test=test)

    def is_recorded_as(self, fingerprint: str) -> bool:
        """Whether a run that recorded ``fingerprint`` was on this data, as far as can be told."""
        return fingerprint in (self.fingerprint, self.former_fingerprint)


def opened(folder: Path) -> DataSet:
    """Return the data set of a cache folder. Raises InputError when a file in it is damaged."""
    stored = open_stored(folder)
    splits = [Split(*map(torch.from_numpy, stored.arrays[split])) for split in SPLITS]
    former = None if stored.checksum == stored.fingerprint else stored.checksum
    return DataSet(
        *splits,
        fingerprint=stored.fingerprint,
        classes=stored.classes,
        note=stored.note,
        former_fingerprint=former,
        schema=stored.schema,
    )
