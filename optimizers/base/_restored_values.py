"""What an optimizer kept as plain data, put back into it."""

from __future__ import annotations

import pkgutil
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.base._kept_values import DICTS, TAG, is_of_package
from optimizers.base.guards import parameters, precise_dtype


class Before(NamedTuple):
    """What a parameter was when its state was saved: the precision of its state, and its order in memory."""

    dtype: torch.dtype
    stride: tuple[int, ...]


class RestoredValues:
    """Turns what `KeptValues` made back into values: on the device of a parameter.

    Args:
        optimizer: Whose values they are.
        saved: What the parameter was when they were saved. Tensors that were of its precision or order in memory get
            those of today.
        p: The parameter that they belong to; for others, the first one.
    """

    def __init__(self, optimizer: Optimizer, saved: Before | None, p: Tensor | None = None) -> None:
        self._optimizer, self._saved = optimizer, saved
        self._params = list(parameters(optimizer))
        self._like = p if p is not None or not self._params else self._params[0]
        self._made: Mapping[str, Callable[[dict[str, Any], Any], Any]] = {
            "parameter": lambda kept, own: self._params[kept["number"]],
            "id": lambda kept, own: id(self._params[kept["number"]]),
            "on the cpu": lambda kept, own: _into(own, kept["tensor"].clone()),
            "generator": self._generator,
            "random": self._random,
            "array": self._array,
            "set": self._set,
            "deque": lambda kept, own: deque(map(self.value, kept["items"]), kept["most"]),
            "dict": self._dict,
            "object": self._object,
        }

    def fill(self, members: dict[str, Any], kept: Mapping[str, Any]) -> None:
        """Set attributes, or the options of a group, to what was kept of them."""
        for name, value in kept.items():
            members[name] = self.value(value, members.get(name))

    def value(self, kept: Any, own: Any = None) -> Any:
        """Return a value; one of its kind that the optimizer has, `own`, is changed, as others may refer to it."""
        if isinstance(kept, Tensor):
            return _into(own, self._moved(kept))
        if type(kept) in (list, tuple):
            members = own if isinstance(own, list | tuple) and len(own) == len(kept) else [None] * len(kept)
            values = [self.value(one, member) for one, member in zip(kept, members, strict=True)]
            if type(own) is list and type(kept) is list:
                own[:] = values
                return own
            return type(kept)(values)
        if not isinstance(kept, dict):
            return kept
        if TAG in kept:
            return self._made[kept[TAG]](kept, own)
        return self._filled(own if type(own) is dict else {}, kept.items())

    def _moved(self, tensor: Tensor) -> Tensor:
        """A copy of a tensor."""
        p, saved = self._like, self._saved
        if p is None or saved is None:
            return tensor.clone()
        dtype = precise_dtype(p) if tensor.dtype is saved.dtype else tensor.dtype
        if tensor.layout is torch.strided and tensor.shape == p.shape and tensor.stride() == saved.stride:
            # Fused kernels walk over raw memory.
            return torch.empty_like(p, dtype=dtype, memory_format=torch.preserve_format).copy_(tensor)
        return tensor.to(p.device, dtype, copy=True)

    def _generator(self, kept: dict[str, Any], own: Any) -> torch.Generator:
        generator = own if isinstance(own, torch.Generator) else torch.Generator()
        generator.set_state(kept["state"].cpu())
        return generator

    def _random(self, kept: dict[str, Any], own: Any) -> random.Random:
        source = own if isinstance(own, random.Random) else random.Random()
        source.setstate(kept["state"])
        return source

    def _array(self, kept: dict[str, Any], own: Any) -> Any:
        array = kept["array"].cpu().numpy()
        return array[()] if kept["scalar"] else array.copy()

    def _set(self, kept: dict[str, Any], own: Any) -> Any:
        members = map(self.value, kept["items"])
        return frozenset(members) if kept["of"] == "frozenset" else set(members)

    def _dict(self, kept: dict[str, Any], own: Any) -> dict[Any, Any]:
        target = own if isinstance(own, dict) else DICTS[kept["of"]]()
        return self._filled(target, [(self.value(key), one) for key, one in kept["items"]])

    def _filled(self, target: dict[Any, Any], items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
        before = dict(target)
        target.clear()
        for key, one in items:
            target[key] = self.value(one, before.get(key))
        return target

    def _object(self, kept: dict[str, Any], own: Any) -> Any:
        module, _, name = kept["class"].partition(":")
        if (type(own).__module__, type(own).__qualname__) != (module, name):
            # A checkpoint has classes of the optimizer's own package made, and no others.
            if not is_of_package(module, self._optimizer):
                return own
            cls = pkgutil.resolve_name(kept["class"])
            own = cls.__new__(cls)
        self.fill(vars(own), kept["attributes"])
        return own


def _into(own: Any, value: Tensor) -> Tensor:
    """The value, copied into the optimizer's own tensor where that is of the same kind."""
    if type(own) is not Tensor or own.layout is not torch.strided or 0 in own.stride():
        return value
    if (own.shape, own.dtype, own.device) != (value.shape, value.dtype, value.device):
        return value
    return own.detach().copy_(value)
