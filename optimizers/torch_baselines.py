"""Torch's own optimizers where they fall short of what torch promises: with half precision, and with late gradients.

Their update rules and sources are in `optimizers/catalogue`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from optimizers.guarded import Guarded


class RMSprop(Guarded, torch.optim.RMSprop):
    """See the catalogue's rmsprop."""


class NAdam(Guarded, torch.optim.NAdam):
    """See the catalogue's nadam; torch itself rounds the product of its momenta when a checkpoint is loaded."""


class RAdam(Guarded, torch.optim.RAdam):
    """See the catalogue's radam."""


class Adamax(Guarded, torch.optim.Adamax):
    """See the catalogue's adamax."""


class SGD(torch.optim.SGD):
    """See the catalogue's sgd.

    Torch's fused kernel fails where one parameter has a momentum and another none yet. A momentum that begins at zero
    gives the same first step, unless there is dampening; then, as on devices without the kernel, nothing is fused.
    """

    def __init__(self, params: ParamsT, *, dampening: float = 0.0, fused: bool | None = None, **options: Any) -> None:
        super().__init__(params, dampening=dampening, fused=fused if dampening == 0 else None, **options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if group["fused"] and group["momentum"]:
            for p in group["params"]:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p, memory_format=torch.preserve_format)
