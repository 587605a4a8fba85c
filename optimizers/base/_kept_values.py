"""Values that an optimizer keeps, as plain data that `torch.load(weights_only=True)` reads.

Torch's state dict holds what stands under `state` and `param_groups`; much of other people's code keeps counters,
buffers, random generators or whole objects in attributes beside them.
"""

from __future__ import annotations

import random
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.base.guards import parameters

TAG = "__kept__"
"""The key that says of what kind a dict is that stands for something else."""
_SCALARS = (type(None), bool, int, float, str, bytes, torch.Size, torch.dtype)
DICTS: Mapping[str, Callable[[], dict[Any, Any]]] = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "defaultdict": lambda: defaultdict(dict),
}
"""Kinds of dicts by the names of their classes."""
_OF_TORCH = frozenset(vars(Optimizer([torch.zeros(1)], {})))
"""Attributes that every optimizer has from torch."""


class _NotPlainError(Exception):
    """A value that stays as the constructor makes it: a function, a module, an object of somebody else's class."""


class KeptValues:
    """Turns the values of one optimizer into plain data; parameters in them go by their numbers."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._params = list(parameters(optimizer))
        self._numbers = {id(p): number for number, p in enumerate(self._params)}
        self._open = {id(optimizer)}

    def attributes(self) -> dict[str, Any]:
        """Return what the optimizer keeps beside its state and its groups."""
        return self._members(vars(self._optimizer), _OF_TORCH)

    def plain(self, value: Any) -> Any:
        """Return a group or a state of a parameter, without those of its members that cannot be plain."""
        if type(value) is dict and all(isinstance(key, str) for key in value):
            return self._members(value, frozenset())
        return self._members({"": value}, frozenset()).get("")

    def _members(self, values: Mapping[str, Any], but: frozenset[str]) -> dict[str, Any]:
        kept = {}
        for name, value in values.items():
            if name not in but:
                try:
                    kept[name] = self._plain(value)
                except _NotPlainError:
                    continue
        return kept

    def _plain(self, value: Any) -> Any:
        if type(value) in _SCALARS:
            return value
        if isinstance(value, Tensor):
            return self._plain_tensor(value)
        if isinstance(value, torch.Generator):
            return {TAG: "generator", "state": value.get_state()}
        if isinstance(value, random.Random):
            return {TAG: "random", "state": value.getstate()}
        if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
            return {TAG: "array", "scalar": value.shape == (), **_of_array(value)}
        if id(value) in self._open:
            raise _NotPlainError
        self._open.add(id(value))
        try:
            return self._plain_members(value)
        finally:
            self._open.remove(id(value))

    def _plain_tensor(self, value: Tensor) -> Any:
        number = self._numbers.get(id(value))
        if number is not None:
            return {TAG: "parameter", "number": number}
        beside = value.device.type == "cpu" and any(p.device.type != "cpu" for p in self._params)
        return {TAG: "on the cpu", "tensor": value.detach()} if beside else value.detach()

    def _plain_members(self, value: Any) -> Any:
        if type(value) in (list, tuple):
            return type(value)(map(self._plain, value))
        if isinstance(value, dict):
            return self._plain_dict(value)
        if isinstance(value, set | frozenset):
            return {TAG: "set", "of": type(value).__name__, "items": list(map(self._key, value))}
        if isinstance(value, deque):
            return {TAG: "deque", "items": list(map(self._plain, value)), "most": value.maxlen}
        cls = type(value)
        of_package = (
            is_of_package(cls.__module__, self._optimizer)
            and hasattr(value, "__dict__")
            and not isinstance(value, Enum)
        )
        if isinstance(value, Optimizer) or of_package:
            hooks = _OF_TORCH - {"state", "param_groups"} if isinstance(value, Optimizer) else frozenset()
            attributes = self._members(vars(value), hooks)
            return {TAG: "object", "class": f"{cls.__module__}:{cls.__qualname__}", "attributes": attributes}
        raise _NotPlainError

    def _plain_dict(self, value: dict[Any, Any]) -> Any:
        plain = all(type(key) in _SCALARS and key not in self._numbers for key in value)
        if type(value) is dict and TAG not in value and plain:
            return {key: self._plain(one) for key, one in value.items()}
        name = type(value).__name__ if type(value).__name__ in DICTS else "dict"
        items = [[self._key(key), self._plain(one)] for key, one in value.items()]
        return {TAG: "dict", "of": name, "items": items}

    def _key(self, key: Any) -> Any:
        """The key of a dict: a parameter, the id of one, which is another in the next process, or a plain value."""
        number = self._numbers.get(key) if type(key) is int else None
        return self._plain(key) if number is None else {TAG: "id", "number": number}


def is_of_package(module: str, optimizer: Optimizer) -> bool:
    """Return whether a module comes with the class of an optimizer, so that its objects are kept and made anew."""
    return module.partition(".")[0] == type(optimizer).__module__.partition(".")[0]


def layout(kept: Any) -> Any:
    """Return of what types and shapes a plain value is: equal for values that may stand for each other."""
    if isinstance(kept, Tensor):
        return [kept.dtype, list(kept.shape)]
    if isinstance(kept, list | tuple):
        return [layout(one) for one in kept]
    if isinstance(kept, dict):
        return {str(key): one if key == TAG else layout(one) for key, one in kept.items()}
    return "number" if isinstance(kept, int | float) else type(kept).__name__


def is_without_data(kept: Any) -> bool:
    """Return whether a tensor in a plain value is on the device meta."""
    members = kept.values() if isinstance(kept, dict) else kept if isinstance(kept, list | tuple) else ()
    return kept.is_meta if isinstance(kept, Tensor) else any(map(is_without_data, members))


def _of_array(value: Any) -> dict[str, Any]:
    import numpy as np

    try:
        return {"array": torch.from_numpy(np.array(value))}
    except TypeError:  # of texts or objects
        raise _NotPlainError from None
