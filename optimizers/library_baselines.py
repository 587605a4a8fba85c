"""Published optimizers as pytorch-optimizer computes them, guarded; importing this module imports that library.

Their update rules and sources are in `optimizers/catalogue`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytorch_optimizer as library
from torch import Tensor

from optimizers.averaging import Averaging
from optimizers.errors import InputError
from optimizers.guarded import Guarded


class AdaBelief(Guarded, library.AdaBelief):
    """See the catalogue's adabelief."""

    attributes = ("maximize", "foreach", "n_sma_threshold", "degenerated_to_sgd")


class Lion(Guarded, library.Lion):
    """See the catalogue's lion."""

    attributes = ("maximize", "foreach")


class AdEMAMix(Guarded, library.AdEMAMix):
    """See the catalogue's ademamix."""

    attributes = ("maximize", "foreach", "_compiled_step_foreach")


class QHAdam(Guarded, library.QHAdam):
    """See the catalogue's qhadam."""

    attributes = ("maximize", "foreach")


class Yogi(Guarded, library.Yogi):
    """See the catalogue's yogi."""

    attributes = ("maximize", "foreach", "_compiled_foreach")


class GrokFastAdamW(Guarded, library.GrokFastAdamW):
    """See the catalogue's grokfast_adamw."""

    attributes = ("maximize", "foreach")
    writes_gradients = True


class SOAP(Guarded, library.SOAP):
    """See the catalogue's soap."""

    attributes = ("maximize", "data_format")


class ADOPT(Guarded, library.ADOPT):
    """See the catalogue's adopt."""

    attributes = ("maximize", "foreach", "clip_lambda")

    def __init__(self, params: Any, **options: Any) -> None:
        # The library's own function is a lambda, which cannot be pickled.
        super().__init__(params, clip_lambda=_fourth_root, **options)


def _fourth_root(step: float) -> float:
    return math.pow(step, 0.25)


class AggMo(Guarded, library.AggMo):
    """See the catalogue's aggmo; the dampings a_i = 1 - damping_base^(i - 1), i = 1..damping_count, are `betas`."""

    attributes = ("maximize", "foreach", "_damping")

    def __init__(self, params: Any, damping_base: float = 0.1, damping_count: int = 3, **options: Any) -> None:
        self._damping = {"damping_base": damping_base, "damping_count": damping_count}
        super().__init__(params, **options)
        # The averages go by their damping, so a learning rate schedule must not take `betas` for those of Adam.
        del self.defaults["betas"]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults."""
        group = {**self._damping, **param_group}
        betas = tuple(1 - group["damping_base"] ** i for i in range(group["damping_count"]))
        super().add_param_group({**group, "betas": betas})


class Prodigy(Guarded, library.Prodigy):
    """See the catalogue's prodigy.

    InputError: parameter groups with different learning rates, of which the library would use the first for all.
    """

    attributes = ("maximize", "_compiled_update_foreach")

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient; `closure` computes the loss again and returns it."""
        rates = sorted({group["lr"] for group in self.param_groups})
        if len(rates) > 1:
            raise InputError(f"Prodigy has one learning rate for all parameter groups, got {rates[0]} and {rates[1]}.")
        return super().step(closure)


class ScheduleFreeAdamW(Averaging, Guarded, library.ScheduleFreeAdamW):  # pyright: ignore[reportIncompatibleVariableOverride]
    """See the catalogue's schedulefree_adamw.

    The library's own `eval()` and `train()` compute each set of weights from the other, which rounds; these keep both.
    """

    attributes = ("maximize", "foreach", "base_lrs")
    writes_gradients = True

    def averaged(self, p: Tensor) -> Tensor | None:
        """x, from y = (1 - beta1) z + beta1 x."""
        z = self.state[p].get("z") if p in self.state else None
        if z is None:
            return None
        beta1 = next(group["betas"][0] for group in self.param_groups if any(p is q for q in group["params"]))
        return p.to(z.dtype).lerp(z, 1 - 1 / beta1)
