"""States that no optimizer may load: of other models, and with something changed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

import optimizers

State = dict[str, Any]
Shapes = tuple[tuple[int, ...], ...]

SHAPES: Shapes = ((6, 4), (6,))


def stepped(name: str, options: dict[str, Any], shapes: Shapes = SHAPES, groups: int = 1) -> Optimizer:
    """An optimizer over parameters of these shapes that has taken three steps."""
    params = [nn.Parameter(torch.linspace(-1, 1, torch.Size(shape).numel()).reshape(shape)) for shape in shapes]
    given: Any = params if groups == 1 else [{"params": [p]} for p in params]
    optimizer = optimizers.build(name, given, **options)
    for _ in range(3):
        for p in params:
            p.grad = p.detach().cos()
        optimizer.step()
    return optimizer


def of_shapes(*shapes: tuple[int, ...], groups: int = 1) -> Callable[[str, dict[str, Any]], Iterator[State]]:
    """The state of a model with parameters of other shapes."""

    def states(name: str, options: dict[str, Any]) -> Iterator[State]:
        yield stepped(name, options, shapes, groups).state_dict()

    return states


def of_type(dtype: torch.dtype) -> Callable[[str, dict[str, Any]], Iterator[State]]:
    """The own state with every tensor of a parameter's size in another type."""

    def states(name: str, options: dict[str, Any]) -> Iterator[State]:
        own = stepped(name, options).state_dict()
        yield {key: value if key == "param_groups" else _cast(value, dtype) for key, value in own.items()}

    return states


def without_a_key(name: str, options: dict[str, Any]) -> Iterator[State]:
    """The own state without each of its keys in turn: of the dict, of a parameter's state, of a param group."""
    own = stepped(name, options).state_dict()
    yield from ({key: value for key, value in own.items() if key != missing} for missing in own)
    for part in own.keys() - {"param_groups"}:
        for i, state in own[part].items():
            for missing in state:
                changed = copy.deepcopy(own)
                del changed[part][i][missing]
                yield changed
    yield from (_without_option(own, missing) for missing in ("params", "lr"))


def with_another_key(name: str, options: dict[str, Any]) -> Iterator[State]:
    """The own state with a key that it cannot have: in a parameter's state, and one of no parameter."""
    own = stepped(name, options).state_dict()
    for part in own.keys() - {"param_groups"}:
        first = own[part].get(0, {})
        for change in ({0: {**first, "other": torch.zeros(6, 4)}}, {99: first}):
            yield {**own, part: {**own[part], **change}}


def with_odd_groups(name: str, options: dict[str, Any]) -> Iterator[State]:
    """What is no dict at all, and the own state with groups or lists of parameters that are none."""
    own = stepped(name, options).state_dict()
    first, *others = own["param_groups"]
    yield from (None, [own], "state")  # pyright: ignore[reportReturnType]
    for odd in (None, {}, [None, *others], [[*first.items()], *others]):
        yield {**own, "param_groups": odd}
    for odd in (None, 2, "ab", {}, [[0], [1]], [None, 1], [0, 0], (0, 1)):
        yield {**own, "param_groups": [{**first, "params": odd}, *others]}


def with_odd_options(name: str, options: dict[str, Any]) -> Iterator[State]:
    """The own state with each option of a group in turn as what it cannot be."""
    own = stepped(name, options).state_dict()
    for i, group in enumerate(own["param_groups"]):
        for option, value in group.items():
            for odd in _odd(value) if option not in ("params", "step") else ():
                changed = copy.deepcopy(own)
                changed["param_groups"][i][option] = odd
                yield changed


def _odd(value: Any) -> Iterator[Any]:
    yield from (1j, [value])
    if isinstance(value, float):
        yield from ("fast", math.nan)
    if isinstance(value, tuple):
        yield from (value[:-1], (*value, 0.5), (*value[:-1], "0.9"), (*value[:-1], math.nan))


def without_data(name: str, options: dict[str, Any]) -> Iterator[State]:
    """The own state, each tensor of a parameter's in turn on the device that holds none."""
    own = stepped(name, options).state_dict()
    for part in own.keys() - {"param_groups"}:
        for i, state in own[part].items():
            for key, value in state.items():
                if isinstance(value, Tensor):
                    yield {**own, part: {**own[part], i: {**state, key: value.to("meta")}}}


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype) if value.numel() > 1 else value
    if isinstance(value, dict):
        return {key: _cast(item, dtype) for key, item in value.items()}
    return [_cast(item, dtype) for item in value] if isinstance(value, list) else value


def _without_option(own: State, missing: str) -> State:
    changed = copy.deepcopy(own)
    del changed["param_groups"][0][missing]
    return changed


FOREIGN: dict[str, Callable[[str, dict[str, Any]], Iterator[State]]] = {
    "smaller": of_shapes((3, 2), (3,)),
    "larger": of_shapes((64, 64), (64,)),
    "transposed": of_shapes((4, 6), (6,)),
    "complex": of_type(torch.complex64),
    "whole numbers": of_type(torch.int64),
    "missing key": without_a_key,
    "unknown key": with_another_key,
    "fewer parameters": of_shapes((6, 4)),
    "more parameters": of_shapes((6, 4), (6,), (6,)),
    "odd groups": with_odd_groups,
    "odd options": with_odd_options,
    "without data": without_data,
    "more groups": of_shapes((6, 4), (6,), (6,), groups=3),
}
