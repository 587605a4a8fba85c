"""Training that is interrupted and goes on from a checkpoint, beside one that is not."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from optimizers.testing._problems import distance, equal
from optimizers.testing.optimizer_subject import torch_generators, train_mode, use_averages

Run = tuple[nn.Module, Any]
"""A model and its optimizer."""
BEFORE, IN_ALL = 11, 22
# What any optimizer has; nothing of it depends on the steps that were taken.
_OF_TORCH = frozenset(vars(torch.optim.Optimizer([torch.zeros(1)], {})))


def check_resumes(begin: Callable[[], Run], take_steps: Callable[[Run, int, int], None]) -> None:
    """AssertionError unless a run that goes on from a checkpoint ends where one without a break does.

    Args:
        begin: Makes the model and its optimizer, the same each time.
        take_steps: Takes the steps from one number to another.
    """
    straight, resumed = begin(), begin()
    train_mode(straight[1])
    generators = torch_generators()
    take_steps(straight, 0, BEFORE)
    at_break = torch_generators()
    checkpoint = _through_a_file([part.state_dict() for part in straight])
    take_steps(straight, BEFORE, IN_ALL)
    # Another run of the same kind, as a process may have trained before: what it leaves behind must not count.
    _set_generators(generators)
    take_steps(begin_trained(begin), 0, 3)
    for part, state in zip(resumed, checkpoint, strict=True):
        part.load_state_dict(state)
    train_mode(resumed[1])
    _set_generators(at_break)
    take_steps(resumed, BEFORE, IN_ALL)
    _assert_same(straight, resumed, "")
    for _, optimizer in (straight, resumed):
        use_averages(optimizer)
    _assert_same(straight, resumed, " in the weights that eval() puts in")


def begin_trained(begin: Callable[[], Run]) -> Run:
    """Begin a run whose optimizer is in train mode."""
    run = begin()
    train_mode(run[1])
    return run


def _through_a_file(states: list[Any]) -> list[Any]:
    file = io.BytesIO()
    torch.save(states, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def _set_generators(states: list[torch.Tensor]) -> None:
    torch.set_rng_state(states[0])
    for device, state in enumerate(states[1:]):
        torch.cuda.set_rng_state(state, device)


def _assert_same(straight: Run, resumed: Run, where: str) -> None:
    ours, theirs = (list(model.parameters()) for model, _ in (straight, resumed))
    if equal(ours, theirs):
        return
    raise AssertionError(
        f"a run that goes on from a checkpoint after {BEFORE} steps ends elsewhere than one without a break "
        f"(by up to {distance(ours, theirs):.2g}){where}: state_dict() does not hold all that further steps depend on"
        f"{_suspects(straight[1], resumed[1])}; keep it in self.state[p] or in the param groups"
    )


def _suspects(straight: Any, resumed: Any) -> str:
    """The attributes of an optimizer in which the two runs differ."""
    one, other = (vars(getattr(optimizer, "inner", optimizer)) for optimizer in (straight, resumed))
    own = {name: value for name, value in one.items() if name not in _OF_TORCH}
    plain = {name: value for name, value in own.items() if isinstance(value, int | float | torch.Tensor)}
    names = [name for name, value in plain.items() if _differ(value, other.get(name))]
    return f" (self.{', self.'.join(names)} is not the same in both)" if names else ""


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return not (isinstance(other, torch.Tensor) and torch.equal(one, other))
    return one != other
