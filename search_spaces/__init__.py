"""What to search: the sweep file, the named spaces, and the Optuna studies that tune each arm.

Names are imported when first used, so that the names of what stands in MLflow come without the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces.schema.colours import ARM_COLOURS, arm_colour
    from search_spaces.schema.parameter import Parameter
    from search_spaces.schema.sweep import Arm, Sweep
    from search_spaces.space.space import ArmSpace, arm_space
    from search_spaces.sweep.loading import load_sweep, parse_sweep

__all__ = [
    "ARM_COLOURS",
    "Arm",
    "ArmSpace",
    "Parameter",
    "Sweep",
    "arm_colour",
    "arm_space",
    "load_sweep",
    "parse_sweep",
]

_HOME = {
    "ARM_COLOURS": "schema.colours",
    "Arm": "schema.sweep",
    "ArmSpace": "space.space",
    "Parameter": "schema.parameter",
    "Sweep": "schema.sweep",
    "arm_colour": "schema.colours",
    "arm_space": "space.space",
    "load_sweep": "sweep.loading",
    "parse_sweep": "sweep.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
