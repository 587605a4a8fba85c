"""Optimizers with one mistake each, such as people make; the suite must find each by the case that is named for it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer


class Sound(Optimizer):
    """Momentum with a norm of each coordinate; the others below differ from it by their mistake alone."""

    def __init__(self, params: Iterable[Any], lr: float = 0.05, momentum: float = 0.8, eps: float = 1e-8) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, self.state[p], group)
        return loss

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
        state["step"] += 1
        m, v = state["m"].lerp_(grad, 1 - group["momentum"]), state["v"].lerp_(grad * grad, 0.01)
        unbiased = m / (1 - group["momentum"] ** state["step"]), v / (1 - 0.99 ** state["step"])
        p.sub_(unbiased[0] / (unbiased[1].sqrt() + group["eps"]), alpha=group["lr"])


class KeepsStateById(Sound):
    """State in a closure's dict, which no checkpoint reaches."""

    def __init__(self, params: Iterable[Any], lr: float = 0.05) -> None:
        super().__init__(params, lr)
        states: dict[Tensor, dict[str, Any]] = {}
        self.state_of = lambda p: states.setdefault(p, {})

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad, self.state_of(p), group)


class SharesState(Sound):
    """A counter in the class."""

    steps: ClassVar[int] = 0

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        SharesState.steps += 1
        super().update(p, grad * (1 + 0.1 * (SharesState.steps % 7)), state, group)


class IgnoresLr(Sound):
    """The learning rate of the constructor, whatever schedules set."""

    def __init__(self, params: Iterable[Any], lr: float = 0.05) -> None:
        super().__init__(params, lr)
        self.lr = lr

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad, state, {**group, "lr": self.lr})


class IgnoresGroups(Sound):
    """The options of the first group for all."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad, state, self.param_groups[0])


class DividesByZero(Sound):
    """No eps."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad, state, {**group, "eps": 0.0})


class WalksRawMemory(Sound):
    """Takes parameters for contiguous."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state.update(m=torch.zeros(p.numel()))
        flat = p.as_strided((p.numel(),), (1,))
        state["m"].lerp_(grad.reshape(-1).float(), 0.2)
        flat.sub_(state["m"].to(p.dtype), alpha=group["lr"])


class TripsOverNone(Sound):
    """Takes every parameter to have a gradient."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in group["params"]:
                self.update(p, p.grad, self.state[p], group)
        return None


class DecaysAll(Sound):
    """Weight decay also of parameters that have no gradient, such as frozen ones."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(1 - 0.1 * group["lr"])
        return super().step(closure)


class ForgetsNewGroups(Sound):
    """State that the constructor makes, and add_param_group does not."""

    def __init__(self, params: Iterable[Any], lr: float = 0.05) -> None:
        super().__init__(params, lr)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p].update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad, self.state[p] if state else {}["m"], group)


class Climbs(Sound):
    """A sign."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, -grad, state, group)


class IsRandom(Sound):
    """Noise that no seed of torch's controls, and that a checkpoint does not hold."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad * (1 + 0.1 * random.random()), state, group)


class KnowsVectorsOnly(Sound):
    """A mean over rows, of which a scalar has none."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad / len(grad), state, group)


class Overflows(Sound):
    """The fourth power of a gradient."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        p.sub_(grad.pow(7) / grad.pow(6).add(1e-30), alpha=group["lr"])


class CountsByGroup(Sound):
    """One counter of steps for a group, so that a late parameter is debiased as if it had begun with the others."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        group["steps"] = group.get("steps", 0) + 1
        if not state:
            state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
        state["step"] = group["steps"]
        super().update(p, grad, state, group)


class WritesGradients(Sound):
    """Weight decay into p.grad."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad.add_(p, alpha=0.01), state, group)


class KeepsStateOnSelf(Sound):
    """An average that is no part of the state dict."""

    def __init__(self, params: Iterable[Any], lr: float = 0.05) -> None:
        super().__init__(params, lr)
        self.mean_norm = 1.0

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        self.mean_norm = 0.9 * self.mean_norm + 0.1 * float(grad.norm())
        super().update(p, grad, state, {**group, "lr": group["lr"] / (1 + self.mean_norm)})


class HidesNan(Sound):
    """What is not finite replaced by numbers, so that a training that has failed goes on."""

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad.nan_to_num(0.0, 1.0, -1.0), state, group)


class DropsTheLoss(Sound):
    """A closure whose loss is not returned."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().step(closure)
        return None


class StaysInHalf(Sound):
    """State in the type of the parameters."""


GUARDED = {
    KeepsStateById: "resumes_bit_for_bit",
    SharesState: "instances_do_not_share_anything",
    IgnoresLr: "a_changed_lr_takes_effect",
    IgnoresGroups: "groups_have_their_own_lr",
    DividesByZero: "gradients_may_be_zero",
    WalksRawMemory: "parameters_lie_in_any_order_in_memory",
    TripsOverNone: "a_parameter_without_a_gradient_stays",
    DecaysAll: "a_parameter_without_a_gradient_stays",
    ForgetsNewGroups: "a_group_may_be_added_in_the_middle",
    Climbs: "goes_down_a_quadratic",
    IsRandom: "the_same_run_has_the_same_end",
    KnowsVectorsOnly: "parameters_have_any_shape",
    Overflows: "gradients_may_be_large_or_small",
    CountsByGroup: "a_late_parameter_begins_as_if_alone",
}
"""What no guard around it makes good, with the case that finds it."""
BY_THEMSELVES = {
    WritesGradients: "gradients_are_left_as_they_were",
    KeepsStateOnSelf: "resumes_bit_for_bit",
    HidesNan: "a_gradient_that_is_not_finite_shows",
    DropsTheLoss: "a_closure_computes_the_loss",
    StaysInHalf: "state_is_float32_for_half_precision",
}
"""What the guard makes good, and the suite finds in the class by itself."""
