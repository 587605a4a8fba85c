"""The installed packages whose plugins a sweep names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from optimizers import schedules
from optimizers.factory import OPTIMIZERS
from search_spaces import Sweep
from search_spaces.schema.methods import METHODS
from trainables.workloads.catalogue import WORKLOADS


def packages_used(sweep: Sweep) -> tuple[str, ...]:
    """Return the names of the packages, whose versions are told of the sweep's runs."""
    arms = sweep.arms.values()
    parameters = [parameter for arm in arms for parameter in arm.space.parameters.values()]
    drawn = [one.model_dump(include={"values", "value"}) for one in parameters]
    settings = [drawn, [workload.training for workload in sweep.by_workload.values()]]
    plugins = [
        *(OPTIMIZERS.plugin(arm.optimizer.removeprefix("lookahead(").removesuffix(")")) for arm in arms),
        *(WORKLOADS.plugin(workload.name) for workload in sweep.by_workload.values()),
        *(schedules.KINDS.plugin(text) for text in _texts(settings)),
        METHODS.plugin(sweep.search.method),
    ]
    return tuple(sorted({plugin.package for plugin in plugins if plugin is not None}))


def _texts(settings: Any) -> Iterator[str]:
    if isinstance(settings, str):
        yield settings
    elif isinstance(settings, Mapping):
        for one in settings.values():
            yield from _texts(one)
    elif isinstance(settings, Iterable):
        for one in settings:
            yield from _texts(one)
