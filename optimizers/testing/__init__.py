"""The conformance suite for optimizers, ours and other people's: named cases, for pytest, the shell and programs."""

from optimizers.testing.optimizer_suite import OptimizerSuite, cases
from optimizers.testing.probing import probe
from optimizers.testing.runner import Case, Result, run_cases

__all__ = ["Case", "OptimizerSuite", "Result", "cases", "probe", "run_cases"]
