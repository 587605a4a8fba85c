"""Optimizers as people write them elsewhere, each with what makes it awkward."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

BETAS = (0.8, 0.99)


class Plain(Optimizer):
    """Fifteen lines: momentum in `self.state`, settings in the groups."""

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.5, betas: Any = BETAS) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    kept = self.state[p].setdefault("kept", torch.zeros_like(p))
                    kept.mul_(group["momentum"]).add_(p.grad)
                    p.sub_(kept, alpha=group["lr"])
        return None


class HandsOn(torch.optim.Adam):
    """Hands its options on to torch's Adam, but for what it sets itself."""

    def __init__(self, params: Any, warm: int = 5, **options: Any) -> None:
        super().__init__(params, amsgrad=True, **options)
        self.warm = warm


class NoLr(Optimizer):
    """Calls its learning rate otherwise."""

    def __init__(self, params: Any, eta: float = 0.1) -> None:
        super().__init__(params, {"eta": eta})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(p.grad, alpha=group["eta"])
        return None


class ByPosition(Plain):
    """Hands its options on beside arguments by position, in the old way."""

    def __init__(self, params: Any, rate: float = 0.1, **options: Any) -> None:
        Plain.__init__(self, params, rate, **options)


class Swallows(Plain):
    """Takes any option, and looks one up."""

    def __init__(self, params: Any, lr: float = 0.1, **options: Any) -> None:
        super().__init__(params, lr)
        self.clip = options.get("clip", 0.0)


class Schedule:
    """An object that counts, as libraries keep them beside the state."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return 1 / self.calls


class KeepsOnSelf(Plain):
    """Keeps counters, buffers, generators, objects, another optimizer and what goes by parameter beside the state."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr)
        self.count, self.norms, self.last = 0, deque([1.0], maxlen=3), np.float64(0.5)
        self.by_parameter: dict[Any, Tensor] = {}
        self.by_id: dict[int, float] = {}
        self.generator, self.random = torch.Generator().manual_seed(3), random.Random(4)
        self.schedule, self.seen = Schedule(), {0}
        self.noise = lambda p: torch.rand(p.shape, generator=self.generator)
        self.helper = torch.optim.SGD(
            [p for group in self.param_groups for p in group["params"]], lr=0.01, momentum=0.9
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.count += 1
        self.seen.add(self.count % 4)
        rate = self.schedule() * sum(self.norms) * float(self.last) * self.random.random() * len(self.seen)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                self.by_parameter.setdefault(p, torch.zeros_like(p)).add_(p.grad)
                self.by_id[id(p)] = self.by_id.get(id(p), 0.0) + 0.01
                p.sub_(self.by_parameter[p] * self.noise(p), alpha=rate * group["lr"] * (1 + self.by_id[id(p)]))
                p.grad.mul_(0.5)
        self.norms.append(0.5 + 0.01 * self.count)
        self.last = np.float64(self.last * 0.99)
        self.helper.step()
        return None


def in_a_closure(params: Iterable[Any], lr: float = 0.1) -> Optimizer:
    """A function, which returns an optimizer of torch whose step it replaces; what it counts is in no state."""
    optimizer = torch.optim.SGD(params, lr=lr)
    steps, own = 0, optimizer.step

    def step(closure: Any = None) -> Any:
        nonlocal steps
        steps += 1
        for group in optimizer.param_groups:
            group["lr"] = lr / steps
        return own(closure)

    optimizer.step = step
    return optimizer


def sgd(params: Iterable[Any], lr: float = 0.1, *, momentum: float = 0.0) -> Optimizer:
    """Gradient descent, by a function."""
    return torch.optim.SGD(params, lr=lr, momentum=momentum)


class NeedsClosure(Plain):
    """Computes the loss itself."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr)

    def step(self, closure: Callable[[], float]) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        loss = closure()
        super().step()
        return loss


class SecondOrder(Plain):
    """Differentiates the gradient."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in group["params"]:
                torch.autograd.grad(p.grad.sum(), p, retain_graph=True)
        return super().step(closure)


class MatricesOnly(Plain):
    """Multiplies matrices."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise RuntimeError("no matrix")
        return super().step(closure)


class StandsStill(Plain):
    """Moves nothing."""

    def __init__(self, params: Any, lr: float = 0.0) -> None:
        super().__init__(params, lr)


class MakesNan(Plain):
    """Divides by nothing."""

    def __init__(self, params: Any, lr: float = float("inf")) -> None:
        super().__init__(params, lr)


class AddsGroups(Plain):
    """Adds a param group in a step."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.add_param_group({"params": [nn.Parameter(torch.zeros(1))]})
        return super().step(closure)


class NoOptimizer:
    """Something else."""


class FailsToBuild(Plain):
    """Refuses its own default."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        raise ValueError("invalid lr")


class Averages(Plain):
    """Exchanges its weights as schedule-free optimizers do, by arithmetic that rounds."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr)
        self.training = False

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not self.training:
            raise RuntimeError("not in train mode")
        super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p in self.state:
                    self.state[p].setdefault("mean", p.detach().clone()).lerp_(p.detach(), 0.3)
        return None

    @torch.no_grad()
    def _exchange(self, training: bool, weight: float) -> None:
        if self.training is not training:
            for group in self.param_groups:
                for p in group["params"]:
                    if "mean" in self.state[p]:
                        p.lerp_(self.state[p]["mean"], weight)
        self.training = training

    def train(self) -> None:
        self._exchange(True, 1 - 1 / 0.7)

    def eval(self) -> None:
        self._exchange(False, 0.3)
