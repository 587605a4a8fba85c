"""Values that an optimizer keeps, as plain data that `torch.load(weights_only=True)` reads, and back.

Torch's state dict holds what stands under `state` and `param_groups`; much of other people's code keeps counters,
buffers, random generators or whole objects in attributes beside them.
"""

from __future__ import annotations

import pkgutil
import random
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.base.guards import parameters, precise_dtype

_TAG = "__kept__"
_SCALARS = (type(None), bool, int, float, str, bytes, torch.Size, torch.dtype)
_DICTS = {"dict": dict, "OrderedDict": OrderedDict, "defaultdict": lambda: defaultdict(dict)}
_OF_TORCH = frozenset(vars(Optimizer([torch.zeros(1)], {})))
"""Attributes that every optimizer has from torch."""


class _NotPlainError(Exception):
    """A value that stays as the constructor makes it: a function, a module, an object of somebody else's class."""


class KeptValues:
    """Turns the values of one optimizer into plain data and back; parameters in them go by their numbers."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._params = list(parameters(optimizer))
        self._numbers = {id(p): number for number, p in enumerate(self._params)}
        self._package = type(optimizer).__module__.partition(".")[0]
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
            return {_TAG: "generator", "state": value.get_state()}
        if isinstance(value, random.Random):
            return {_TAG: "random", "state": value.getstate()}
        if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
            return {_TAG: "array", "scalar": not hasattr(value, "flags"), **_of_array(value)}
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
            return {_TAG: "parameter", "number": number}
        beside = value.device.type == "cpu" and any(p.device.type != "cpu" for p in self._params)
        return {_TAG: "on the cpu", "tensor": value.detach()} if beside else value.detach()

    def _plain_members(self, value: Any) -> Any:
        if type(value) in (list, tuple):
            return type(value)(map(self._plain, value))
        if isinstance(value, dict):
            return self._plain_dict(value)
        if isinstance(value, set):
            return {_TAG: "set", "items": list(map(self._plain, value))}
        if isinstance(value, deque):
            return {_TAG: "deque", "items": list(map(self._plain, value)), "most": value.maxlen}
        cls = type(value)
        if isinstance(value, Optimizer) or (self._is_own(cls.__module__) and hasattr(value, "__dict__")):
            hooks = _OF_TORCH - {"state", "param_groups"} if isinstance(value, Optimizer) else frozenset()
            attributes = self._members(vars(value), hooks)
            return {_TAG: "object", "class": f"{cls.__module__}:{cls.__qualname__}", "attributes": attributes}
        raise _NotPlainError

    def _plain_dict(self, value: dict[Any, Any]) -> Any:
        if type(value) is dict and _TAG not in value and all(type(key) in _SCALARS for key in value):
            return {key: self._plain(one) for key, one in value.items()}
        name = type(value).__name__ if type(value).__name__ in _DICTS else "dict"
        items = [[self._plain(key), self._plain(one)] for key, one in value.items()]
        return {_TAG: "dict", "of": name, "items": items}

    def _is_own(self, module: str) -> bool:
        """Whether a module comes with the optimizer: its objects may be made anew when a checkpoint is loaded."""
        return module.partition(".")[0] == self._package

    def restore(self, members: dict[str, Any], kept: Mapping[str, Any], saved: torch.dtype | None) -> None:
        """Set the attributes of the optimizer, or the options of a group, to what was kept of them."""
        p = self._params[0] if self._params else None
        self._set(members, kept, _mover(saved, p))

    def restored(self, kept: Any, saved: torch.dtype | None, p: Tensor | None) -> Any:
        """Return what was kept of the state of `p`, on its device; None: of something that is no parameter.

        Tensors that had the precision of the state, `saved`, get that of today's.
        """
        return self._value(kept, None, _mover(saved, p))

    def _set(self, members: dict[str, Any], kept: Mapping[str, Any], move: _Move) -> None:
        for name, value in kept.items():
            members[name] = self._value(value, members.get(name), move)

    def _value(self, kept: Any, own: Any, move: _Move) -> Any:
        """The value; where the optimizer has one of its kind, `own`, this one is changed, as others may refer to it."""
        if isinstance(kept, Tensor):
            return _into(own, move(kept))
        if isinstance(kept, list | tuple) and type(kept) in (list, tuple):
            members = own if isinstance(own, list | tuple) and len(own) == len(kept) else [None] * len(kept)
            values = [self._value(one, member, move) for one, member in zip(kept, members, strict=True)]
            if type(own) is list and type(kept) is list:
                own[:] = values
                return own
            return type(kept)(values)
        if not isinstance(kept, dict):
            return kept
        if _TAG in kept:
            return self._tagged(kept, own, move)
        return self._filled(own if type(own) is dict else {}, kept.items(), move)

    def _tagged(self, kept: dict[str, Any], own: Any, move: _Move) -> Any:
        match kept[_TAG]:
            case "parameter":
                return self._params[kept["number"]]
            case "on the cpu":
                return _into(own, kept["tensor"].clone())
            case "generator":
                generator = own if isinstance(own, torch.Generator) else torch.Generator()
                generator.set_state(kept["state"].cpu())
                return generator
            case "random":
                source = own if isinstance(own, random.Random) else random.Random()
                source.setstate(kept["state"])
                return source
            case "array":
                array = kept["array"].cpu().numpy()
                return array[()] if kept["scalar"] else array.copy()
            case "set":
                return {self._value(one, None, move) for one in kept["items"]}
            case "deque":
                return deque([self._value(one, None, move) for one in kept["items"]], kept["most"])
            case "dict":
                items = [(self._value(key, None, move), one) for key, one in kept["items"]]
                return self._filled(own if isinstance(own, dict) else _DICTS[kept["of"]](), items, move)
        return self._object(kept, own, move)

    def _filled(self, target: dict[Any, Any], items: Any, move: _Move) -> dict[Any, Any]:
        before = dict(target)
        target.clear()
        for key, one in items:
            target[key] = self._value(one, before.get(key), move)
        return target

    def _object(self, kept: dict[str, Any], own: Any, move: _Move) -> Any:
        module, _, name = kept["class"].partition(":")
        if (type(own).__module__, type(own).__qualname__) != (module, name):
            if not self._is_own(module):
                return own
            cls = pkgutil.resolve_name(kept["class"])
            own = cls.__new__(cls)
        self._set(vars(own), kept["attributes"], move)
        return own


_Move = Callable[[Tensor], Tensor]


def layout(kept: Any) -> Any:
    """Return of what types and shapes a plain value is: equal for values that may stand for each other."""
    if isinstance(kept, Tensor):
        return [kept.dtype, list(kept.shape)]
    if isinstance(kept, list | tuple):
        return [layout(one) for one in kept]
    if isinstance(kept, dict):
        return {str(key): one if key == _TAG else layout(one) for key, one in kept.items()}
    return "number" if isinstance(kept, int | float) else type(kept).__name__


def is_without_data(kept: Any) -> bool:
    """Return whether a tensor in a plain value is on the device meta."""
    members = kept.values() if isinstance(kept, dict) else kept if isinstance(kept, list | tuple) else ()
    return kept.is_meta if isinstance(kept, Tensor) else any(map(is_without_data, members))


def _mover(saved: torch.dtype | None, p: Tensor | None) -> _Move:
    """A function that copies a tensor to the device of a parameter, in its precision where it was in that before."""

    def moved(tensor: Tensor) -> Tensor:
        if p is None:
            return tensor.clone()
        dtype = precise_dtype(p) if tensor.dtype is saved else tensor.dtype
        if tensor.shape == p.shape and tensor.layout is torch.strided:
            # Fused kernels walk over raw memory.
            return torch.empty_like(p, dtype=dtype, memory_format=torch.preserve_format).copy_(tensor)
        return tensor.to(p.device, dtype, copy=True)

    return moved


def _into(own: Any, value: Tensor) -> Tensor:
    """The value, copied into the optimizer's own tensor where that is of the same kind."""
    if type(own) is not Tensor or own.layout is not torch.strided or 0 in own.stride():
        return value
    if (own.shape, own.dtype, own.device) != (value.shape, value.dtype, value.device):
        return value
    return own.detach().copy_(value)


def _of_array(value: Any) -> dict[str, Any]:
    import numpy as np

    try:
        return {"array": torch.from_numpy(np.array(value))}
    except TypeError:  # of texts or objects
        raise _NotPlainError from None
