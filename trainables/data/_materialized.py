"""A split's tensors from arrays, from pairs of them, or from a map-style dataset, which is read whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, TensorDataset

from optimizers import InputError
from optimizers.errors import one_line
from trainables.data.splits import Split

LARGEST_SHARE_OF_MEMORY = 0.5
PAIR = 2
# A type that numpy has for want of another is not the one that nets are trained in.
_NARROWED = {torch.float64: torch.float32}
_NOT_NUMBERS = "OUSVMm"


def split_of(value: Any, name: str) -> Split:
    """Return the split of (inputs, targets), of a map-style dataset of such pairs, or of a split itself.

    Raises InputError, naming the split, for anything else.
    """
    what = name or "the data"
    if isinstance(value, Split):
        return value
    if isinstance(value, TensorDataset) and len(value.tensors) == PAIR:
        value = value.tensors
    if isinstance(value, tuple) and len(value) == PAIR:
        return Split(_tensor(value[0], f"{what}: inputs"), _targets(_tensor(value[1], f"{what}: targets")))
    if isinstance(value, Tensor | np.ndarray):
        raise InputError(f"{what}: targets are missing; return (inputs, targets), such as (x, x) where none is used")
    sized = hasattr(value, "__getitem__") and hasattr(value, "__len__")
    if not sized or isinstance(value, IterableDataset | Mapping | tuple | str):
        raise InputError(
            f"{what}: a {type(value).__name__} is neither a pair (inputs, targets) of tensors or arrays, nor a dataset "
            "with a length whose items are such pairs"
        )
    return _read(value, what)


def _tensor(value: Any, what: str) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu().contiguous()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InputError(f"{what}: are not an array ({one_line(error)})") from None
    if array.dtype.kind in _NOT_NUMBERS:
        raise InputError(f"{what}: are of type {array.dtype}, not numbers; turn words and dates into numbers first")
    tensor = torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))).reshape(array.shape))
    return tensor.to(_NARROWED.get(tensor.dtype, tensor.dtype))


def _targets(targets: Tensor) -> Tensor:
    return targets if targets.is_floating_point() or targets.is_complex() else targets.long()


def _read(items: Any, what: str) -> Split:
    """All items of a dataset, which must be pairs of numbers in arrays of one shape."""
    count = len(items)
    if count == 0:
        raise InputError(f"{what}: it is empty; at least one example is needed")
    first = _pair(items[0], what, 0)
    _check_memory(first, count, what)
    if not all(map(torch.equal, first, _pair(items[0], what, 0))):
        raise InputError(
            f"{what}: item 0 is another one each time it is read; leave random transforms out of the dataset, which is "
            "read once, and augment batches in loss"
        )
    inputs, targets = (torch.empty((count, *one.shape), dtype=one.dtype) for one in first)
    for place, (x, y) in enumerate(_pairs(items, count, what)):
        if x.shape != inputs.shape[1:] or y.shape != targets.shape[1:]:
            raise InputError(
                f"{what}: item {place:,} has inputs {tuple(x.shape)} and targets {tuple(y.shape)}, item 0 "
                f"{tuple(inputs.shape[1:])} and {tuple(targets.shape[1:])}; pad or resize them to one shape"
            )
        inputs[place], targets[place] = x, y
    return Split(inputs, _targets(targets))


def _pairs(items: Any, count: int, what: str) -> Iterator[tuple[Tensor, Tensor]]:
    return (_pair(items[place], what, place) for place in range(count))


def _pair(item: Any, what: str, place: int) -> tuple[Tensor, Tensor]:
    if not isinstance(item, tuple | list) or len(item) != PAIR:
        raise InputError(f"{what}: item {place:,} is a {type(item).__name__} and not a pair (inputs, targets)")
    if type(item[0]).__module__.startswith("PIL."):
        raise InputError(f"{what}: item {place:,} is a picture of PIL; give the dataset transform=ToTensor()")
    return _tensor(item[0], f"{what}: the inputs of item {place:,}"), _tensor(item[1], f"{what}: its target")


def _check_memory(first: tuple[Tensor, Tensor], count: int, what: str) -> None:
    needed = count * sum(tensor.numel() * tensor.element_size() for tensor in first)
    available = psutil.virtual_memory().available
    if needed > LARGEST_SHARE_OF_MEMORY * available:
        raise InputError(
            f"{what}: its {count:,} examples take {needed / 2**30:.1f} GiB, more than half of the "
            f"{available / 2**30:.1f} GiB of memory that are free; return smaller examples, such as uint8 in place of "
            "float32, or fewer"
        )
