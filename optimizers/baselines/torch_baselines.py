"""Torch's own optimizers where they fall short of what torch promises: with half precision, and with late gradients.

Their update rules and sources are in `optimizers/catalogue`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from optimizers.base.guarded import Guarded
from optimizers.base.guards import parameters, precise_dtype


class RMSprop(Guarded, torch.optim.RMSprop):
    """See the catalogue's rmsprop."""

    memories = ("square_avg", "momentum_buffer", "grad_avg")
    counters = ("step",)

    def memories_of(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The average of squares, a momentum, and the average of gradients when `centered`."""
        momentum = ("momentum_buffer",) if group["momentum"] > 0 else ()
        return ("square_avg", *momentum, *(("grad_avg",) if group["centered"] else ()))


class NAdam(Guarded, torch.optim.NAdam):
    """See the catalogue's nadam; torch itself rounds the product of its momenta when a checkpoint is loaded."""

    memories = ("exp_avg", "exp_avg_sq")
    counters = ("step", "mu_product")


class RAdam(Guarded, torch.optim.RAdam):
    """See the catalogue's radam."""

    memories = ("exp_avg", "exp_avg_sq")
    counters = ("step",)


class Adamax(Guarded, torch.optim.Adamax):
    """See the catalogue's adamax."""

    memories = ("exp_avg", "exp_inf")
    counters = ("step",)


class _AdamState(Guarded):
    """What torch's Adam and AdamW keep."""

    memories = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    counters = ("step",)

    def memories_of(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The two averages, and the largest of the second with `amsgrad`."""
        return self.memories if group["amsgrad"] else self.memories[:2]


class Adam(_AdamState, torch.optim.Adam):
    """See the catalogue's adam."""


class AdamW(_AdamState, torch.optim.AdamW):
    """See the catalogue's adamw."""


class Adagrad(Guarded, torch.optim.Adagrad):
    """See the catalogue's adagrad. Fused where torch has a kernel: on CUDA only some of its versions have."""

    takes_sparse_gradients = True
    memories = ("sum",)
    counters = ("step",)

    def __init__(self, params: ParamsT, **options: Any) -> None:
        super().__init__(params, **options)
        for p in parameters(self):
            # The one state of torch's that is there from the start.
            self.state[p]["sum"] = self.state[p]["sum"].to(precise_dtype(p))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults."""
        super().add_param_group(param_group)
        self._fuse_where_torch_can()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, maybe on another device."""
        super().load_state_dict(state_dict)
        self._fuse_where_torch_can()

    def _fuse_where_torch_can(self) -> None:
        for group in self.param_groups:
            group["fused"] = bool(group["fused"]) and all(_has_fused_adagrad(p.device.type) for p in group["params"])


@functools.cache
def _has_fused_adagrad(device: str) -> bool:
    """Some versions refuse what their kernel can, and nothing but their source says so."""
    module = sys.modules[torch.optim.Adagrad.__module__]
    return device == "cpu" or (device == "cuda" and "cuda_unsupported=True" not in inspect.getsource(module))


class SGD(Guarded, torch.optim.SGD):
    """See the catalogue's sgd.

    Torch's fused kernel fails where one parameter has a momentum and another none yet. A momentum that begins at zero
    gives the same first step, unless there is dampening; then, as on devices without the kernel, nothing is fused.
    """

    takes_sparse_gradients = True
    memories = ("momentum_buffer",)

    def memories_of(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The momentum, where there is one."""
        return self.memories if group["momentum"] != 0 else ()

    def __init__(self, params: ParamsT, *, fused: bool | None = None, **options: Any) -> None:
        super().__init__(params, fused=fused, **options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if group["dampening"]:
            group["fused"] = None

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient; `closure` computes the loss again and returns it."""
        for group in self.param_groups:
            if group["fused"] and group["momentum"]:
                for p in group["params"]:
                    if self.state[p].get("momentum_buffer") is None:
                        self.state[p]["momentum_buffer"] = torch.zeros_like(p, dtype=precise_dtype(p))
        return super().step(closure)
