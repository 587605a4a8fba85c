"""What a trial does: workloads (model, data, loss, metrics), their training, and the Ray Tune Trainable around it."""

from trainables.registry import get, names
from trainables.spec import TrialSpec
from trainables.workload_entry import WorkloadEntry

__all__ = ["TrialSpec", "WorkloadEntry", "get", "names"]
