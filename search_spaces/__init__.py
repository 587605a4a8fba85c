"""What to search: the sweep file, the named spaces, and the Optuna studies that tune each arm."""

from search_spaces.schema.colours import ARM_COLOURS, arm_colour
from search_spaces.schema.methods import SearchMethod, register_method
from search_spaces.schema.parameter import Parameter
from search_spaces.schema.sweep import Arm, Sweep
from search_spaces.space.ready_files import register_default_space, register_space, register_sweep
from search_spaces.space.space import ArmSpace, arm_space
from search_spaces.sweep.loading import load_sweep, parse_sweep

__all__ = [
    "ARM_COLOURS",
    "Arm",
    "ArmSpace",
    "Parameter",
    "SearchMethod",
    "Sweep",
    "arm_colour",
    "arm_space",
    "load_sweep",
    "parse_sweep",
    "register_default_space",
    "register_method",
    "register_space",
    "register_sweep",
]
