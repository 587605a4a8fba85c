"""Loading a state dict: refused unless this optimizer could have saved it, and restored in the right precision."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from numbers import Real
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.base.guards import kind_of, precise_dtype
from optimizers.errors import InputError

NUMBER = "a number"
"""The layout of a Python number, or of a tensor with one element, in a precision of its own."""

Layout = Any
"""What a value of a parameter's state is: a tensor of that `torch.Size`, a `Matrix`, a NUMBER, or a list or dict of
layouts."""


class Matrix(tuple[int, ...]):
    """The layout of a tensor of that shape whose order in memory is its own, also where its parameter has its shape."""


# Keys of a param group that belong to torch and its learning rate schedulers, not to the optimizer.
_OF_OTHERS = {"params", "param_names", "name", "initial_lr", "max_lr", "min_lr", "swa_lr"}
_OF_OTHERS |= {"base_momentum", "max_momentum"}


class SavedState(Optimizer):
    """Base of optimizers that load only what they could have saved; a state dict that is refused changes nothing.

    Torch itself checks the numbers of groups and parameters alone; its fused kernels then read and write outside of a
    state that is too small. A subclass names everything that it keeps for a parameter: `memories`, tensors of the
    parameter's shape, and `counters`, numbers; `group_counters` are numbers that it keeps in a param group once it has
    stepped, `shared` keys of the state that belong to no parameter. Of a group's options, `required` are those that a
    saved one must have, and `optional` may be None or infinite; others that an older checkpoint lacks stay as they are.
    """

    memories: ClassVar[tuple[str, ...]] = ()
    counters: ClassVar[Collection[str]] = ()
    group_counters: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[tuple[str, ...]] = ()
    required: ClassVar[tuple[str, ...]] = ("lr",)
    optional: ClassVar[tuple[str, ...]] = ()

    def memories_of(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The memories that every parameter of a group with these options has after its first step."""
        return self.memories

    def check_options(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
        """InputError unless each option that was saved for a group is of the same kind as the group's own."""
        for name, value in self._options_in(own).items():
            if name in saved and not is_option_like(saved[name], value, optional=name in self.optional):
                raise InputError(f"{name} cannot be {saved[name]!r}; this one's is {value!r}.")

    def _options_in(self, group: Mapping[str, Any]) -> dict[str, Any]:
        others = {*_OF_OTHERS, *self.group_counters}
        return {name: value for name, value in group.items() if name not in others}

    def layout_of(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Layout]:
        """The layout of the state of a parameter in a group with these options, after its first step."""
        return {**dict.fromkeys(self.counters, NUMBER), **dict.fromkeys(self.memories_of(group), p.shape)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, in the precision of this optimizer's arithmetic.

        InputError, before anything changes: the state is that of another optimizer or of another model.
        """
        if not isinstance(state_dict, dict):
            self._refuse(f"it is a {type(state_dict).__name__}")
        completed = state_dict

        def check_and_complete(_: Optimizer, given: dict[str, Any]) -> dict[str, Any]:
            nonlocal completed
            self.check_state(given)
            groups = zip(self.param_groups, given["param_groups"], strict=True)
            completed = {**given, "param_groups": [{**self._options_in(own), **saved} for own, saved in groups]}
            return self.for_torch(completed)

        # Hooks that others have registered may replace the given dict; this one sees what torch loads.
        handle = self.register_load_state_dict_pre_hook(check_and_complete)
        try:
            super().load_state_dict(state_dict)
        finally:
            handle.remove()
        self.restore(completed)

    def for_torch(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """Return what torch's own loading is given of a state dict that was found to be this optimizer's."""
        return state_dict

    def restore(self, state_dict: dict[str, Any]) -> None:
        """Replace the state that torch has loaded, cast to the types of the parameters, by what was saved."""
        for p, saved, group in self._matched(state_dict):
            layout = self._full_layout(p, saved, group)
            self.state[p] = {name: _restored(value, layout[name], p) for name, value in saved.items()}

    def check_state(self, state_dict: dict[str, Any]) -> None:
        """InputError unless the state is one that this optimizer could have saved."""
        self._check_groups(state_dict)
        known = {i for group in state_dict["param_groups"] for i in group["params"]} | {*self.shared}
        for key in state_dict["state"]:
            if key not in known:
                raise InputError(f"The loaded state is not that of {self._kind}: its state {key!r} is of no parameter.")
        for p, saved, group in self._matched(state_dict):
            required = self.layout_of(p, group)
            if not isinstance(saved, Mapping) or not required.keys() <= saved.keys() <= {*required, *self.memories}:
                has = ", ".join(map(str, saved)) if isinstance(saved, Mapping) else type(saved).__name__
                needs = ", ".join(required) or "no state"
                raise InputError(
                    f"The loaded state is not that of {self._kind}, it has: {has or 'nothing'}; "
                    f"{self._kind} with these options needs: {needs}."
                )
            layout = self._full_layout(p, saved, group)
            for name, value in saved.items():
                _check(value, layout[name], name, p)
            self._check_group_counters(group)

    def _check_groups(self, state_dict: dict[str, Any]) -> None:
        for part, kind in (("state", Mapping), ("param_groups", list)):
            if not isinstance(state_dict.get(part), kind):
                self._refuse(f"its required key {part} is missing")
        saved_groups = state_dict["param_groups"]
        if len(saved_groups) != len(self.param_groups):
            self._refuse(f"it has {len(saved_groups)} param groups, this one {len(self.param_groups)}")
        for i, (own, saved) in enumerate(zip(self.param_groups, saved_groups, strict=True)):
            if not isinstance(saved, Mapping):
                self._refuse(f"its param group {i} is a {type(saved).__name__}")
            missing = [name for name in ("params", *self.required) if name not in saved]
            if missing:
                self._refuse(f"required keys of its param group {i} are missing: {', '.join(missing)}")
            params = saved["params"]
            if not isinstance(params, list) or not all(isinstance(one, int | str) for one in params):
                self._refuse(f"the params of its param group {i} are no list of the parameters' numbers")
            if len(params) != len(own["params"]):
                self._refuse(f"its param group {i} has {len(params)} parameters, this one's {len(own['params'])}")
            try:
                self.check_options(own, saved)
            except InputError as error:
                self._refuse(f"in its param group {i}, {str(error).rstrip('.')}")
        numbers = [one for saved in saved_groups for one in saved["params"]]
        if len({*numbers}) != len(numbers):
            self._refuse("a parameter is in it twice")

    def _check_group_counters(self, group: Mapping[str, Any]) -> None:
        for name in self.group_counters:
            if not _is_number(group.get(name)):
                self._refuse(f"a param group has no number of {name}")

    def _refuse(self, reason: str) -> NoReturn:
        raise InputError(f"The loaded state is not that of this {self._kind}: {reason}.")

    @property
    def _kind(self) -> str:
        return kind_of(self)

    def _matched(self, state_dict: dict[str, Any]) -> Iterator[tuple[Tensor, dict[str, Any], dict[str, Any]]]:
        """The parameters with the state and the group saved for each; one that has had no gradient has no state."""
        for own, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group = {**self._options_in(own), **saved}
            for saved_id, p in zip(saved["params"], own["params"], strict=True):
                if saved_id in state_dict["state"]:
                    yield p, state_dict["state"][saved_id], group

    def _full_layout(self, p: Tensor, saved: Collection[str], group: Mapping[str, Any]) -> dict[str, Layout]:
        """The layout with the memories that the options do not ask for, but asked for when the state was made."""
        return {**{name: p.shape for name in self.memories if name in saved}, **self.layout_of(p, group)}


def _is_number(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() == 1 and not value.is_complex() and value.layout is torch.strided and not value.is_meta
    return isinstance(value, int | float)


def is_option_like(value: Any, own: Any, *, optional: bool = False) -> bool:
    """Whether a saved option is one for a group that has `own` there; torch's switches are None, True or False."""
    if own is None or isinstance(own, bool):
        return value is None or isinstance(value, bool) or (optional and _is_number(value))
    if isinstance(own, Real | Tensor):
        if optional and value in (None, math.inf):
            return True
        return _is_number(value) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(own, tuple | list):
        alike = isinstance(value, tuple | list) and len(value) == len(own)
        return alike and all(map(is_option_like, value, own))
    return isinstance(value, type(own))


def _check(value: Any, layout: Layout, name: str, p: Tensor) -> None:
    """InputError unless a saved value, or what it holds, has its layout."""
    if isinstance(layout, dict | list):
        members = layout if isinstance(layout, dict) else dict(enumerate(layout))
        given = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else None
        if given is None or given.keys() != members.keys():
            wanted = ", ".join(map(str, members))
            raise InputError(f"The loaded state is that of another model: {name} needs the members {wanted}.")
        for key, member in members.items():
            _check(given[key], member, f"{name}[{key}]", p)
    elif layout is NUMBER:
        if not _is_number(value):
            raise InputError(f"The loaded state is damaged: {name} is {NUMBER}, got {_described(value)}.")
    elif not isinstance(value, Tensor) or not value.is_floating_point() or value.layout is not torch.strided:
        raise InputError(
            f"The loaded state is that of another model: {name} is a dense floating-point tensor, "
            f"got {_described(value)}."
        )
    elif value.is_meta and not p.is_meta:
        raise InputError(f"The loaded state is without data: {name} is on the device meta.")
    elif value.shape != layout:
        shapes = f"{tuple(value.shape)}, its parameter {tuple(p.shape)}"
        needed = "" if layout == p.shape else f" and needs {tuple(layout)}"
        raise InputError(f"The loaded state is that of another model: {name} has shape {shapes}{needed}.")


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"one of type {value.dtype}, layout {value.layout} and shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"


def _restored(value: Any, layout: Layout, p: Tensor) -> Any:
    """A copy of a saved value, its tensors on the device of `p`, those of its shape with its order in memory."""
    if isinstance(layout, dict):
        return {key: _restored(value[key], member, p) for key, member in layout.items()}
    if isinstance(layout, list):
        return [_restored(one, member, p) for one, member in zip(value, layout, strict=True)]
    if layout is NUMBER:
        return value.to(p.device, copy=True) if isinstance(value, Tensor) else value
    if layout == p.shape and not isinstance(layout, Matrix):
        # Fused kernels walk over raw memory.
        return torch.empty_like(p, dtype=precise_dtype(p), memory_format=torch.preserve_format).copy_(value)
    return value.to(p.device, precise_dtype(p), copy=True)
