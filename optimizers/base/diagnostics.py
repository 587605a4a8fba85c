"""What an optimizer says of itself while it runs."""

from __future__ import annotations

from torch.optim.optimizer import Optimizer


def diagnostics(optimizer: Optimizer) -> dict[str, float]:
    """Numbers to be watched, by name: what the optimizer's own `diagnostics()` gives, or its first group's settings.

    `lr`, and `beta1`, `beta2` or `momentum` where there are such; as they were in force at the last step.
    """
    own = getattr(optimizer, "diagnostics", None)
    if own is not None:
        return own()
    group = optimizer.param_groups[0]
    told = {"lr": group["lr"], **dict(zip(("beta1", "beta2"), group.get("betas", ()), strict=False))}
    if "momentum" in group:
        told["momentum"] = group["momentum"]
    return {name: float(value) for name, value in told.items()}
