"""What a trial does: workloads (model, data, loss, metrics), their training, and the Ray Tune Trainable around it.

Importing this imports no torch, which :class:`Task` does when it is first used.
"""

from typing import TYPE_CHECKING, Any

from trainables.spec import TrialSpec
from trainables.workloads.catalogue import get, is_known, names, register
from trainables.workloads.workload_entry import WorkloadEntry

if TYPE_CHECKING:
    from trainables.workloads.task import Task

__all__ = ["Task", "TrialSpec", "WorkloadEntry", "get", "is_known", "names", "register"]


def __getattr__(name: str) -> Any:
    if name == "Task":
        from trainables.workloads.task import Task

        return Task
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
