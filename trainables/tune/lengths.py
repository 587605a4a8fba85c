"""How long a run is, and whether its schedules can be looked at only over that length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers import schedules, user_code
from trainables.spec import TrialSpec
from trainables.workloads import catalogue

if TYPE_CHECKING:
    from trainables.data.splits import DataSet


def lengths_of(specs: Iterable[TrialSpec], data_root: Path) -> list[tuple[int, int]]:
    """Return the optimizer steps of each run, and its passes over the data. Raises InputError for data that is bad."""
    return [length_of(spec, catalogue.get(spec.workload).load_data(data_root, spec.options)) for spec in specs]


def length_of(spec: TrialSpec, data: DataSet) -> tuple[int, int]:
    """Return the optimizer steps of a run, and its passes over the data."""
    entry = catalogue.get(spec.workload)
    a_pass = entry.load(spec.options).with_data(data).feed(data.train, spec.batch_size).steps_per_epoch
    steps = (spec.evaluate_every or a_pass) * spec.epochs
    return steps, math.ceil(steps / a_pass)


def depends_on_length(settings: Any) -> bool:
    """Return whether a schedule is among nested settings whose values are known for a run of known length alone.

    Raises InputError for the name of a function that there is not.
    """
    if isinstance(settings, str):
        known = user_code.is_own(settings) or settings in schedules.KINDS
        return known and schedules.get(settings).breakpoints is None
    inside = settings.values() if isinstance(settings, Mapping) else settings if isinstance(settings, list) else ()
    return any(map(depends_on_length, inside))
