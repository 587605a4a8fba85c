"""What a step must not depend on or change beside the parameters and its own state."""

from __future__ import annotations

import contextlib
import random
import sys
from typing import Any

import torch
from torch.optim import Optimizer

from optimizers.testing._case_registry import advisory, case
from optimizers.testing._problems import descend, distance, equal, zeros
from optimizers.testing.optimizer_subject import Subject, torch_generators


@case
def the_same_run_has_the_same_end(subject: Subject) -> None:
    """Two runs from one seed end alike to the last bit."""
    ends = []
    for _ in range(2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            params = zeros()
            descend(subject.build(params), params, 12)
        ends.append(params)
    assert equal(*ends), f"the same run ends elsewhere the second time (by {distance(*ends):.2g})"


@case
def instances_do_not_share_anything(subject: Subject) -> None:
    """Two optimizers that take turns end where each does alone."""
    alone, one, other = zeros((4, 2), (3,)), zeros((4, 2), (3,)), zeros((2, 5), (6,))
    descend(subject.build(alone), alone, 8)
    first, second = subject.build(one), subject.build(other)
    for _ in range(8):
        descend(first, one, 1)
        descend(second, other, 1)
    assert equal(one, alone), (
        f"beside a second optimizer of its class it ends elsewhere (by {distance(one, alone):.2g}): something is kept "
        "in the class or the module, not in the instance"
    )


@advisory
def global_generators_are_left_alone(subject: Subject) -> None:
    """Steps draw nothing from the global random generators, which dropout and data loaders share."""
    before = _generators()
    params = zeros()
    descend(subject.build(params), params, 6)
    used = [name for name, state in _generators().items() if not _same(state, before[name])]
    assert not used, f"draws from the global random generator of {' and '.join(used)}: give it a generator of its own"


def _generators() -> dict[str, Any]:
    states = {"torch": torch_generators()[0], "Python": random.getstate()}
    numpy = sys.modules.get("numpy")
    return states if numpy is None else {**states, "NumPy": str(numpy.random.get_state())}


def _same(one: Any, other: Any) -> bool:
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


@case
def a_step_hook_runs_once_a_step(subject: Subject) -> None:
    """A hook that is registered on the optimizer runs once for each step, also where its class was built elsewhere."""
    for elsewhere in (False, True):
        params, calls = zeros(), []
        optimizer = subject.build(params)
        if elsewhere:
            for cls in type(getattr(optimizer, "inner", optimizer)).__mro__:
                if cls is not Optimizer and issubclass(cls, Optimizer):
                    with contextlib.suppress(Exception):
                        cls(zeros((4, 4)))  # pyright: ignore[reportCallIssue]
        optimizer.register_step_post_hook(lambda *_, calls=calls: calls.append(1))
        descend(optimizer, params, 3)
        assert len(calls) == 3, f"a step hook runs {len(calls)} times in 3 steps"
