"""MomentAdam: Adam with scheduled coefficients, moments of any order and separate short-term and long-term memories.

``MomentAdam`` is imported when first used, as `optimizers.catalogue` reads the options without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimizers.moment_adam.optimizer import MomentAdam

__all__ = ["MomentAdam"]


def __getattr__(name: str) -> Any:
    if name != "MomentAdam":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from optimizers.moment_adam.optimizer import MomentAdam

    return MomentAdam
