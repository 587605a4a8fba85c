"""What to search: the sweep file, the named spaces, and the Optuna studies that tune each arm."""

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
