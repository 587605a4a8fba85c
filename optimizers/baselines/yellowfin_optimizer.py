# pyright: reportPrivateImportUsage=false
# Torch documents its kernels over lists of tensors, but exports no public name for them.
"""YellowFin: gradient descent with momentum that tunes its own learning rate and momentum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optimizers.base.dense_optimizer import Bucket, DenseOptimizer, Work, gradient
from optimizers.baselines import _yellowfin_tuner as tuner
from optimizers.baselines._yellowfin_tuner import Averages, Tuned
from optimizers.domains import DECAY, NOT_NEGATIVE, Flag, Integer, Real
from optimizers.errors import InputError

STATISTICS_LIMIT = 100.0
"""A gradient counts in the measurements with at most this many times h_max as its ||g||^2."""
STEP_LIMIT = 100.0
"""lr ||g|| is kept below, in units of the parameters."""

_TUNER = "tuner"
_FINITE = Real()
_WHOLE = ("beta", "window", "smooth", "clip")


class _Part(NamedTuple):
    """A bucket with its group and the gradients to descend along."""

    group: dict[str, Any]
    bucket: Bucket
    grads: list[Tensor]


class YellowFin(DenseOptimizer):
    """Momentum SGD whose learning rate and momentum follow from measurements of the gradient.

    The rule is that of the catalogue's yellowfin; exact formulas of lr_t and mu: `_yellowfin_tuner`.

    h_max in both clips is that of before the step; at the first step there is none, and no clip. A parameter without a
    gradient counts as zero in the measurements and does not move. ||g||^2 stands for a curvature as it does for a
    likelihood, by the noise of its gradients; without any noise it falls towards 0 at the optimum, and lr_t grows.

    Args:
        params: tensors, named tensors or param groups, as for every torch optimizer.
        lr: >= 0, factor on the tuned learning rate; a scheduler changes it. The tuned values have no setting.
        beta: decay in [0, 1) of every average of the tuner.
        window: number >= 1 of steps over which the curvature range is taken; the rate warms up over ten windows.
        smooth: apply averages of mu and lr_t, as the paper does; off applies each step's own, as its public code does.
        clip: limit spikes in three places: in the measurements, in the gradient, in the length of a step.
        weight_decay: >= 0; added to the gradient, so that it is part of what is measured.
        maximize: ascend.

    `beta`, `window`, `smooth` and `clip` are one for all groups. `tuned` tells the last momentum and learning rate.
    State of a parameter: average of g and momentum, float32 (float64 for float64). State of the tuner: Python numbers
    under `state["tuner"]`. A step reads two numbers back from each device: on CUDA two synchronisations.

    FloatingPointError, before anything changes: a gradient with nan or inf. InputError: a value outside its range,
    parameters that are not real floating-point tensors, sparse gradients.

    Source: YellowFin and the Art of Momentum Tuning, arXiv 1706.03471.
    """

    options: ClassVar = {
        "lr": NOT_NEGATIVE,
        "beta": DECAY,
        "window": Integer(1, 100_000),
        "smooth": Flag(),
        "clip": Flag(),
        "weight_decay": NOT_NEGATIVE,
        "maximize": Flag(),
    }
    memories = ("exp_avg", "momentum_buffer")
    counters: ClassVar = {}
    shared = (_TUNER,)

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1.0,
        beta: float = 0.999,
        window: int = 20,
        smooth: bool = True,
        clip: bool = True,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        given = locals()
        super().__init__(params, {name: given[name] for name in self.options})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group with an `lr`, a `weight_decay` and a direction of its own."""
        super().add_param_group(param_group)
        first, new = self.param_groups[0], self.param_groups[-1]
        for name in _WHOLE:
            if new[name] != first[name]:
                self.param_groups.pop()
                raise InputError(f"{name} is one for all param groups, got {first[name]!r} and {new[name]!r}.")

    @property
    def tuned(self) -> Tuned:
        """The momentum and the learning rate of the last step, the factor `lr` not included; zeros before the first."""
        return Tuned(*self._shared[_TUNER]["tuned"]) if _TUNER in self._shared else Tuned(0.0, 0.0)

    def diagnostics(self) -> dict[str, float]:
        """The learning rate, the factor `lr` included, and the momentum of the last step."""
        return {"lr": self.param_groups[0]["lr"] * self.tuned.lr, "momentum": self.tuned.momentum}

    def update(self, work: Work) -> None:
        """One step over all parameters together."""
        parts = [_part(group, bucket) for group, bucket in work]
        h = _square_norm([g for part in parts for g in part.grads])
        if not math.isfinite(h):
            raise FloatingPointError("YellowFin got a gradient that is not finite; no parameter has changed.")
        averages, whole = self._averages(), self.param_groups[0]
        h_max = averages.h_max(whole["beta"]) if whole["clip"] and averages.step else math.inf
        tuned = self._tune(averages, parts, h, min(h, STATISTICS_LIMIT * h_max))

        applied = min(h, h_max)
        longest = STEP_LIMIT / math.sqrt(applied) if whole["clip"] and applied else math.inf
        for part in parts:
            _move(part, tuned.momentum, min(part.group["lr"] * tuned.lr, longest), _scale(h, applied))

    def _tune(self, averages: Averages, parts: list[_Part], h: float, measured: float) -> Tuned:
        """Take in gradients with ||g||^2 = h, scaled so that it is `measured`; returns what they are applied with."""
        whole = self.param_groups[0]
        beta, window = whole["beta"], whole["window"]
        # A parameter without a gradient counts as zero: its average decays as well.
        torch._foreach_mul_(self._gradient_averages(), beta)
        for part in parts:
            torch._foreach_add_(part.bucket.memory("exp_avg"), part.grads, alpha=(1 - beta) * _scale(h, measured))
        averages = tuner.observe(averages, measured, beta, window)
        measurements = tuner.measure(averages, _square_norm(self._gradient_averages()), beta)
        tuned = tuner.warmed_up(tuner.single_step(measurements), averages.step, window)
        averages, smoothed = tuner.smooth(averages, tuned, beta)
        tuned = smoothed if whole["smooth"] else tuned
        # A new dict every step, so that a state dict taken before stays as it was.
        self._shared[_TUNER] = {**averages._asdict(), "tuned": tuple(tuned)}
        return tuned

    def check_state(self, state_dict: dict[str, Any]) -> None:
        """InputError unless the state is one that a YellowFin of these parameters could have saved."""
        super().check_state(state_dict)
        saved = state_dict["state"]
        averages = saved.get(_TUNER)
        if saved and (not isinstance(averages, Mapping) or averages.keys() != {*Averages._fields, "tuned"}):
            raise InputError("The loaded state is not that of YellowFin, it lacks the averages of the tuner.")
        for name, value in (averages or {}).items():
            members = value if name in ("recent", "tuned") and isinstance(value, tuple | list) else (value,)
            for member in members:
                _FINITE.check(member, f"The loaded state is not that of YellowFin: {name} of its tuner")

    @property
    def _shared(self) -> dict[str, Any]:
        """The part of the state that belongs to no parameter; torch saves and loads keys that are not tensors as is."""
        return cast("dict[str, Any]", self.state)

    def _averages(self) -> Averages:
        saved = self._shared.get(_TUNER, {})
        return Averages(**{name: value for name, value in saved.items() if name != "tuned"})

    def _gradient_averages(self) -> list[Tensor]:
        """The averages of g of all parameters that ever had a gradient."""
        params = (p for group in self.param_groups for p in group["params"])
        return [self.state[p]["exp_avg"] for p in params if p in self.state]


def _part(group: dict[str, Any], bucket: Bucket) -> _Part:
    grads = [
        gradient(p, grad, group["maximize"], group["weight_decay"])
        for p, grad in zip(bucket.params, bucket.grads, strict=True)
    ]
    return _Part(group, bucket, grads)


def _square_norm(tensors: list[Tensor]) -> float:
    """The sum of all squares, summed in float64: sums of millions in float32 are off by 1e-4."""
    norms: dict[torch.device, list[Tensor]] = {}
    for norm in torch._foreach_norm(tensors, 2, dtype=torch.float64):
        norms.setdefault(norm.device, []).append(norm)
    return sum(torch.stack(one).square().sum().item() for one in norms.values())


def _scale(h: float, limited: float) -> float:
    """The factor on a gradient that brings its ||g||^2 from h down to a limit."""
    return math.sqrt(limited / h) if limited < h else 1.0


def _move(part: _Part, momentum: float, rate: float, scale: float) -> None:
    """SGD with momentum along the scaled gradients."""
    buffers = part.bucket.memory("momentum_buffer")
    torch._foreach_mul_(buffers, momentum)
    torch._foreach_add_(buffers, part.grads, alpha=scale)
    torch._foreach_add_(part.bucket.params, buffers, alpha=-rate)
