"""What optimizers over dense tensors share: checked groups, refused gradients, buckets, exact checkpoints."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optimizers.base.guards import loss_of, precise_dtype, refuse_complex, refuse_sparse
from optimizers.base.saved_state import SavedState
from optimizers.domains import Domain
from optimizers.errors import InputError


@dataclass(frozen=True)
class Pair:
    """Two values of one domain, such as `betas`."""

    member: Domain

    def check(self, value: Any, name: str) -> tuple[Any, Any]:
        """Return `value` as a tuple."""
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise InputError(f"{name} must be {self.describe()}, got {value!r}.")
        first, second = (self.member.check(one, f"{name}[{i}]") for i, one in enumerate(value))
        return first, second

    def describe(self) -> str:
        """Such as "a pair, each a number in [0, 1)"."""
        return f"a pair, each {self.member.describe()}"


class Bucket(NamedTuple):
    """Parameters of one group, type, device and count of steps; the i-th of each list belong together."""

    params: list[Tensor]
    grads: list[Tensor]
    states: list[dict[str, Any]]

    def memory(self, name: str) -> list[Tensor]:
        """The memory of that name of every parameter."""
        return [state[name] for state in self.states]

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Set the counters of every parameter."""
        for state in self.states:
            state.update(counters)

    def next_step(self) -> int:
        """Count one step more for every parameter, and return its number: 1 at the first."""
        step = self.states[0]["step"] + 1
        self.set_counters({"step": step})
        return step


Work = list[tuple[dict[str, Any], Bucket]]
"""The buckets of a step, each with its group."""


class DenseOptimizer(SavedState):
    """Base of optimizers over real floating-point tensors with dense gradients.

    A subclass names its `options`, each with its domain, the tensors it keeps for each parameter, its `memories`, and
    the numbers, its `counters`, with their first values; `update` computes one step. Memories begin at zero, are
    float32 for float16 and bfloat16 parameters, and a checkpoint restores them as they were.

    InputError: a value outside its range, parameters that are not real floating-point tensors, sparse gradients.
    """

    options: ClassVar[Mapping[str, Domain]]
    counters: ClassVar[Mapping[str, Any]] = {"step": 0}  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, params: ParamsT, options: dict[str, Any]) -> None:
        super().__init__(params, self.checked(options))

    @abstractmethod
    def update(self, work: Work) -> None:
        """Move the parameters of all buckets; there is at least one. May raise only before anything has moved."""

    def checked(self, group: dict[str, Any]) -> dict[str, Any]:
        """A group with its options in their canonical form; other keys pass as they are."""
        return {**group, **{name: domain.check(group[name], name) for name, domain in self.options.items()}}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults; they are checked in the same way."""
        own = self.checked({**self.defaults, **{k: v for k, v in param_group.items() if k != "params"}})
        super().add_param_group({**param_group, **own})
        refuse_complex(self)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient; `closure` computes the loss again and returns it."""
        loss = loss_of(closure)
        refuse_sparse(self)
        work = [(group, bucket) for group in self.param_groups for bucket in self._buckets(group)]
        if work:
            self.update(work)
        return loss

    def _buckets(self, group: dict[str, Any]) -> list[Bucket]:
        buckets: dict[tuple[Any, ...], Bucket] = {}
        memories = self.memories_of(group)
        for p in group["params"]:
            if p.grad is None:
                continue
            state = self.state[p]
            if not state:
                state.update({**self.counters, **{name: _zeros(p) for name in memories}})
            key = (*map(state.__getitem__, self.counters), p.dtype, p.device)
            bucket = buckets.get(key)
            if bucket is None:
                bucket = buckets[key] = Bucket([], [], [])
            bucket.params.append(p)
            bucket.grads.append(p.grad)
            bucket.states.append(state)
        return list(buckets.values())

    def check_options(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
        """InputError unless each option that was saved for a group is in its domain."""
        self.checked({**own, **saved})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled optimizer; options that an older one did not have get their defaults."""
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                if name != "differentiable":  # which torch has just added to the defaults
                    group.setdefault(name, default)


def gradient(p: Tensor, grad: Tensor, maximize: bool, weight_decay: float = 0.0) -> Tensor:
    """The gradient to descend along, in the precision of the memories; `grad` itself where nothing changes it."""
    g = grad.to(precise_dtype(p))
    g = -g if maximize else g
    return g.add(p, alpha=weight_decay) if weight_decay else g


def _zeros(p: Tensor) -> Tensor:
    return torch.zeros_like(p, dtype=precise_dtype(p), memory_format=torch.preserve_format)
