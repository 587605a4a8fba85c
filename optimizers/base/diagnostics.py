"""What an optimizer says of itself while it runs."""

from __future__ import annotations

from torch import Tensor
from torch.optim.optimizer import Optimizer


def diagnostics(optimizer: Optimizer) -> dict[str, float]:
    """Numbers to be watched, by name: what the optimizer's own `diagnostics()` gives, or its first group's settings.

    `lr`, and `beta1`, `beta2` or `momentum` where there are such; as they were in force at the last step.
    """
    own = getattr(optimizer, "diagnostics", None)
    if callable(own):
        return own()
    group = optimizer.param_groups[0]
    betas = group.get("betas")
    told = dict(zip(("beta1", "beta2"), betas, strict=False)) if isinstance(betas, tuple | list) else {}
    told |= {name: group[name] for name in ("lr", "momentum") if name in group}
    return {name: float(value) for name, value in told.items() if isinstance(value, int | float | Tensor)}
