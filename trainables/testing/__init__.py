"""The conformance suite for workloads, ours and other people's: named cases, for pytest, the shell and programs."""

from trainables.testing.workload_cases import cases
from trainables.testing.workload_suite import WorkloadSuite

__all__ = ["WorkloadSuite", "cases"]
