"""Published optimizers as pytorch-optimizer computes them, guarded; importing this module imports that library.

Their update rules and sources are in `optimizers/catalogue`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from optimizers.base.averaging import Averaging
from optimizers.base.guarded import Guarded
from optimizers.base.saved_state import Layout, Matrix
from optimizers.errors import InputError

try:
    import pytorch_optimizer as library
except ModuleNotFoundError as error:
    raise InputError(
        "This optimizer is computed by pytorch-optimizer, which is not installed: "
        "pip install 'pytorch-optimizer>=4.1,<5'"
    ) from error


class AdaBelief(Guarded, library.AdaBelief):
    """See the catalogue's adabelief."""

    attributes = ("maximize", "foreach", "n_sma_threshold", "degenerated_to_sgd")
    memories = ("exp_avg", "exp_avg_var", "max_exp_avg_var")
    group_counters = ("step",)

    def memories_of(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """All of them with `ams_bound`, else without the largest."""
        return self.memories if group["ams_bound"] else self.memories[:2]


class Lion(Guarded, library.Lion):
    """See the catalogue's lion."""

    attributes = ("maximize", "foreach")
    memories = ("exp_avg",)
    group_counters = ("step",)


class AdEMAMix(Guarded, library.AdEMAMix):
    """See the catalogue's ademamix."""

    attributes = ("maximize", "foreach", "_compiled_step_foreach")
    optional = ("t_alpha_beta3",)
    memories = ("exp_avg", "exp_avg_sq", "exp_avg_slow")
    group_counters = ("step",)


class QHAdam(Guarded, library.QHAdam):
    """See the catalogue's qhadam."""

    attributes = ("maximize", "foreach")
    memories = ("exp_avg", "exp_avg_sq")
    counters = ("beta1_weight", "beta2_weight")
    group_counters = ("step",)


class Yogi(Guarded, library.Yogi):
    """See the catalogue's yogi."""

    attributes = ("maximize", "foreach", "_compiled_foreach")
    memories = ("exp_avg", "exp_avg_sq")
    group_counters = ("step",)


class GrokFastAdamW(Guarded, library.GrokFastAdamW):
    """See the catalogue's grokfast_adamw."""

    attributes = ("maximize", "foreach")
    writes_gradients = True
    memories = ("exp_avg", "exp_avg_sq", "grok_exp_avg")
    group_counters = ("step",)

    def memories_of(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """Adam's, and the slow gradient where it counts."""
        return self.memories if group["grokfast"] and group["grokfast_lamb"] > 0 else self.memories[:2]


class SOAP(Guarded, library.SOAP):
    """See the catalogue's soap."""

    attributes = ("maximize", "data_format")
    optional = ("shampoo_beta",)
    memories = ("exp_avg", "exp_avg_sq")
    counters = ("precondition_frequency", "shampoo_beta")
    group_counters = ("step",)

    def layout_of(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Layout]:
        """Adam's averages, and for each dimension that is not too large a preconditioner and its eigenvectors."""
        largest = group["max_precondition_dim"] if p.ndim != 1 or group["precondition_1d"] else -1
        squares = [Matrix((n, n)) if n <= largest else [] for n in p.shape]
        eigenvectors = [square if n else [] for n, square in zip(p.shape, squares, strict=True)]
        return {**super().layout_of(p, group), "GG": squares, "Q": eigenvectors}


class ADOPT(Guarded, library.ADOPT):
    """See the catalogue's adopt."""

    attributes = ("maximize", "foreach", "clip_lambda")
    memories = ("exp_avg", "exp_avg_sq")
    group_counters = ("step",)

    def __init__(self, params: Any, **options: Any) -> None:
        # The library's own function is a lambda, which cannot be pickled.
        super().__init__(params, clip_lambda=_fourth_root, **options)


def _fourth_root(step: float) -> float:
    return math.pow(step, 0.25)


class AggMo(Guarded, library.AggMo):
    """See the catalogue's aggmo; the dampings a_i = 1 - damping_base^(i - 1), i = 1..damping_count, are `betas`."""

    attributes = ("maximize", "foreach", "_damping")
    group_counters = ("step",)

    def check_options(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
        """InputError unless each option is of the same kind; how many dampings there are is one of them."""
        count = saved.get("damping_count")
        super().check_options({**own, "betas": own["betas"][:1] * count if isinstance(count, int) else ()}, saved)

    def layout_of(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Layout]:
        """One momentum for each damping."""
        return {"momentum_buffer": dict.fromkeys(group["betas"], p.shape)}

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
    optional = ("beta3", "growth_rate")
    required = ("lr", "d", "d_max", "step")
    group_counters = ("d_numerator",)
    memories = ("s", "p0", "exp_avg", "exp_avg_sq")

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
    required = ("lr", "weight_sum", "lr_max")
    writes_gradients = True
    memories = ("z", "exp_avg_sq", "max_exp_avg_sq")
    group_counters = ("step",)

    def memories_of(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """All of them with `ams_bound`, else without the largest."""
        return self.memories if group["ams_bound"] else self.memories[:2]

    def averages(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Return the parameters that have been trained with their x, from y = (1 - beta1) z + beta1 x."""
        for group in self.param_groups:
            for p in group["params"]:
                if p in self.state and (z := self.state[p].get("z")) is not None:
                    yield p, p.to(z.dtype).lerp(z, 1 - 1 / group["betas"][0])
