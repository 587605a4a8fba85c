"""How long a run is, and whether its schedules can be looked at only over that length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from optimizers import schedules, user_code
from trainables.spec import TrialSpec
from trainables.workloads import catalogue

SCHEDULE = "_schedule"
"""How the names of schedules end among hyperparameters and options."""


def lengths_of(specs: Iterable[TrialSpec], data_root: Path) -> list[tuple[int, int]]:
    """Return the optimizer steps of each run, and its passes over the data. Raises InputError for data that is bad."""
    return [
        length_of(spec, catalogue.get(spec.workload).steps_per_pass(data_root, spec.options, spec.batch_size))
        for spec in specs
    ]


def length_of(spec: TrialSpec, a_pass: int) -> tuple[int, int]:
    """Return the optimizer steps of a run, and its passes over the data, of so many steps each."""
    steps = (spec.evaluate_every or a_pass) * spec.epochs
    return steps, math.ceil(steps / a_pass)


def depends_on_length(schedule: Any) -> bool:
    """Return whether the values of a schedule, or of a kind of that name, are known for a known length alone.

    Raises InputError for the name of a function that there is not.
    """
    if isinstance(schedule, Mapping):
        return any(depends_on_length(schedule.get(key)) for key in ("kind", "then"))
    known = user_code.is_own(schedule) or (isinstance(schedule, str) and schedule in schedules.KINDS)
    return known and schedules.get(schedule).breakpoints is None


def any_depends_on_length(settings: Mapping[str, Any]) -> bool:
    """Return whether one of the schedules among nested settings, whose names say that they are, is such."""
    return any(
        depends_on_length(one) if name.endswith(SCHEDULE) else isinstance(one, Mapping) and any_depends_on_length(one)
        for name, one in settings.items()
    )
