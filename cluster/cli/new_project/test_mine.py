"""What an optimizer and a workload must keep for a sweep to mean anything: run `pytest`."""

from my_optimizer import MyAdam
from my_workload import MyTask

from optimizers.testing import OptimizerSuite
from trainables.testing import WorkloadSuite


class TestMyAdam(OptimizerSuite):
    optimizer = MyAdam


class TestMyTask(WorkloadSuite):
    workload = MyTask
