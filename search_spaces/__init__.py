"""What to search: the sweep file, the named spaces, and the Optuna studies that tune each arm."""

from search_spaces.colours import ARM_COLOURS, arm_colour
from search_spaces.loading import load_sweep, parse_sweep
from search_spaces.parameter import Parameter
from search_spaces.schema import Arm, Sweep
from search_spaces.space import ArmSpace, arm_space

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
