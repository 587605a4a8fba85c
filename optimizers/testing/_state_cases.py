"""Checkpoints and copies: what goes on must go on as if there had been no break."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from optimizers.testing._case_registry import advisory, case
from optimizers.testing._problems import descend, distance, equal, net, train, values, zeros
from optimizers.testing._resuming import Run, check_resumes
from optimizers.testing.optimizer_subject import Subject, train_mode, use_averages


class _Scheduled:
    """An optimizer with a schedule of its learning rate, which is saved with it."""

    def __init__(self, optimizer: Any) -> None:
        self.inner = optimizer
        has_lr = all("lr" in group for group in optimizer.param_groups)
        self._scheduler: LRScheduler | None = LambdaLR(optimizer, lambda step: 0.97**step) if has_lr else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def step(self) -> None:
        self.inner.step()
        if self._scheduler is not None:
            self._scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        scheduler = {} if self._scheduler is None else self._scheduler.state_dict()
        return {"optimizer": self.inner.state_dict(), "scheduler": scheduler}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.inner.load_state_dict(state["optimizer"])
        if self._scheduler is not None:
            self._scheduler.load_state_dict(state["scheduler"])


@case
def resumes_bit_for_bit(subject: Subject) -> None:
    """A run that goes on from a checkpoint in a file ends where one without a break does, to the last bit."""
    _resumes(subject, torch.float32)


@case
def resumes_bit_for_bit_in_bfloat16(subject: Subject) -> None:
    """The same holds for a model in bfloat16."""
    _resumes(subject, torch.bfloat16)


@case
def resumes_bit_for_bit_in_float64(subject: Subject) -> None:
    """The same holds for a model in float64."""
    _resumes(subject, torch.float64)


def _resumes(subject: Subject, dtype: torch.dtype) -> None:
    def begin() -> Run:
        model = net(dtype)
        return model, _Scheduled(subject.build(model.parameters()))

    check_resumes(begin, lambda run, start, stop: train(*run, start, stop))


@case
def resumes_with_a_parameter_that_is_frozen(subject: Subject) -> None:
    """A run with a parameter that never has a gradient goes on from a checkpoint to the last bit."""

    def begin() -> Run:
        params = zeros((3, 2), (3, 2), (2,))
        params[1].requires_grad_(False)
        return nn.ParameterList(params), subject.build(params)

    def take_steps(run: Run, start: int, stop: int) -> None:
        for step in range(start, stop):
            for p in run[0].parameters():
                if p.requires_grad:
                    p.grad = (p.detach() + step).sin()
            run[1].step()

    check_resumes(begin, take_steps)


@advisory
def a_saved_state_stays_as_it_was(subject: Subject) -> None:
    """An optimizer that has loaded a state shares no memory with the one that saved it."""
    first, second = zeros(), zeros()
    before, after = subject.build(first), subject.build(second)
    descend(before, first, 5)
    with torch.no_grad():
        for p, q in zip(first, second, strict=True):
            q.copy_(p)
    after.load_state_dict(before.state_dict())
    untouched = copy.deepcopy(before.state_dict())
    descend(after, second, 5)
    third = [nn.Parameter(p.detach().clone()) for p in first]
    again = subject.build(third)
    again.load_state_dict(untouched)
    descend(before, first, 5)
    descend(again, third, 5)
    assert equal(first, third), "load_state_dict() shares tensors with the optimizer that saved them"


@case
def a_deep_copy_goes_on_alike(subject: Subject) -> None:
    """copy.deepcopy of model and optimizer, and a copy of the copy, go on as the original does."""
    _copies(subject, copy.deepcopy)


@advisory
def a_pickle_goes_on_alike(subject: Subject) -> None:
    """A pickled model and optimizer go on as the original does."""
    _copies(subject, lambda both: pickle.loads(pickle.dumps(both)))


def _copies(subject: Subject, copied: Callable[[Run], Run]) -> None:
    model = net()
    optimizer = subject.build(model.parameters())
    train(model, optimizer, 0, 4)
    both = copied(copied((model, optimizer)))
    ours, theirs = list(model.parameters()), list(both[0].parameters())
    assert equal(ours, theirs), "copying changes the parameters"
    train(model, optimizer, 4, 10)
    train(*both, 4, 10)
    assert equal(ours, theirs), f"a copy goes another way (by {distance(ours, theirs):.2g})"
    use_averages(optimizer)
    use_averages(both[1])
    assert equal(ours, theirs), "a copy has other averaged weights"


@advisory
def the_state_of_another_model_is_refused(subject: Subject) -> None:
    """A state of parameters of other shapes, or of more or fewer, is refused in a sentence and changes nothing."""
    params = zeros((6, 4), (6,))
    optimizer = subject.build(params)
    descend(optimizer, params, 3)
    own = copy.deepcopy(optimizer.state_dict())
    for shapes in (((3, 2), (3,)), ((4, 6), (6,)), ((6, 4),), ((6, 4), (6,), (6,))):
        others = zeros(*shapes)
        other = subject.build(others)
        descend(other, others, 3)
        if not _tensors(other.state_dict()["state"]) and len(shapes) == 2:
            continue  # there is nothing in it that could not be this one's
        try:
            optimizer.load_state_dict(other.state_dict())
        except ValueError:
            pass
        else:
            raise AssertionError(f"loads the state of parameters of the shapes {shapes} for those of ((6, 4), (6,))")
        optimizer.load_state_dict(copy.deepcopy(own))


def _tensors(state: Any) -> bool:
    members = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return (isinstance(state, torch.Tensor) and state.numel() > 1) or any(map(_tensors, members))


@case
def averaged_weights_are_exchanged_without_a_trace(subject: Subject) -> None:
    """`eval()` and `train()`, of an optimizer that has them, leave the trained weights as they were to the last bit."""
    params = zeros()
    optimizer = subject.build(params)
    if not all(callable(getattr(optimizer, mode, None)) for mode in ("train", "eval")):
        return
    descend(optimizer, params, 5)
    before = values(params)
    use_averages(optimizer)
    train_mode(optimizer)
    assert equal(params, before), f"eval() and train() change the weights by {distance(params, before):.2g}"
