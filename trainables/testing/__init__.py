"""The conformance suite for workloads, ours and other people's: named cases, for pytest, the shell and programs."""

from trainables.testing.suite import WorkloadSuite
from trainables.testing.workload_cases import cases

__all__ = ["WorkloadSuite", "cases"]
