"""What a trial does: workloads (model, data, loss, metrics), their training, and the Ray Tune Trainable around it."""

from trainables.registry import WorkloadEntry, get, names
from trainables.spec import TrialSpec

__all__ = ["TrialSpec", "WorkloadEntry", "get", "names"]
