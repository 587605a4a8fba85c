"""What an optimizer and a workload must keep for a sweep to mean anything: run `pytest`."""

from my_optimizer import MyAdam
from my_workload import MyTask
from trainables.testing import WorkloadSuite

from optimizers.testing import OptimizerSuite


class TestMyAdam(OptimizerSuite):
    optimizer = MyAdam


class TestMyTask(WorkloadSuite):
    workload = MyTask
