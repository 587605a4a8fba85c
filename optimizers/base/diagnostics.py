"""What an optimizer says of itself while it runs."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def diagnostics(optimizer: Any) -> dict[str, float]:
    """Numbers to be watched, by name: what the optimizer's own `diagnostics()` gives, or its first group's settings.

    `lr`, and `beta1`, `beta2` or `momentum` where there are such; as they were in force at the last step.
    """
    own: Any = getattr(optimizer, "diagnostics", None)
    told: Any = own() if callable(own) else _of_group(optimizer.param_groups[0])
    return {name: float(value) for name, value in told.items() if isinstance(value, int | float | Tensor)}


def _of_group(group: dict[str, Any]) -> dict[str, Any]:
    betas = group.get("betas")
    told = dict(zip(("beta1", "beta2"), betas, strict=False)) if isinstance(betas, tuple | list) else {}
    return {**told, **{name: group[name] for name in ("lr", "momentum") if name in group}}
