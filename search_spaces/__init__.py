"""What to search: the sweep file, the named spaces, and the Optuna studies that tune each arm.

Names are imported when first used, so that who needs the codec or an address alone does not load the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces.schema.methods import SearchMethod, register_method
    from search_spaces.schema.parameter import Parameter
    from search_spaces.schema.sweep_file import SweepFile
    from search_spaces.space.ready_files import register_default_space, register_space, register_sweep
    from search_spaces.space.space import ArmSpace, arm_space
    from search_spaces.sweep.colours import ARM_COLOURS, arm_colour
    from search_spaces.sweep.loading import load_sweep, parse_sweep, recorded_sweep
    from search_spaces.sweep.resolved import Arm, Contest, Objective, Sweep, Workload

__all__ = [
    "ARM_COLOURS",
    "Arm",
    "ArmSpace",
    "Contest",
    "Objective",
    "Parameter",
    "SearchMethod",
    "Sweep",
    "SweepFile",
    "Workload",
    "arm_colour",
    "arm_space",
    "load_sweep",
    "parse_sweep",
    "recorded_sweep",
    "register_default_space",
    "register_method",
    "register_space",
    "register_sweep",
]

_MODULES = {
    "schema.methods": (
        "SearchMethod",
        "register_method",
    ),
    "schema.parameter": ("Parameter",),
    "schema.sweep_file": ("SweepFile",),
    "space.ready_files": (
        "register_default_space",
        "register_space",
        "register_sweep",
    ),
    "space.space": (
        "ArmSpace",
        "arm_space",
    ),
    "sweep.colours": (
        "ARM_COLOURS",
        "arm_colour",
    ),
    "sweep.loading": (
        "load_sweep",
        "parse_sweep",
        "recorded_sweep",
    ),
    "sweep.resolved": (
        "Arm",
        "Contest",
        "Objective",
        "Sweep",
        "Workload",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
