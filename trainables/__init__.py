"""What a trial does: workloads (model, data, loss, metrics), their training, and the Ray Tune Trainable around it."""

from trainables.spec import TrialSpec
from trainables.workloads.catalogue import get, is_known, names, register
from trainables.workloads.workload_entry import WorkloadEntry

__all__ = ["TrialSpec", "WorkloadEntry", "get", "is_known", "names", "register"]
