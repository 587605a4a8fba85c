"""What a trial does: workloads (model, data, loss, metrics), their training, and the Ray Tune Trainable around it.

Names are imported when first used: who needs the names of MLflow's tags alone does not load the catalogue. Only
:class:`Task` imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainables.spec import TrialSpec
    from trainables.workloads.catalogue import get, is_known, names, register
    from trainables.workloads.task import Task
    from trainables.workloads.workload_entry import WorkloadEntry

__all__ = ["Task", "TrialSpec", "WorkloadEntry", "get", "is_known", "names", "register"]

_MODULES = {
    "spec": ("TrialSpec",),
    "workloads.catalogue": ("get", "is_known", "names", "register"),
    "workloads.task": ("Task",),
    "workloads.workload_entry": ("WorkloadEntry",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
