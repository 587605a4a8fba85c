# pyright: reportPrivateImportUsage=false
# Torch documents its stores under torch.distributed, which does not export them to type checkers.
"""The case that two processes train a run as one does."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import torch
from torch import Tensor, nn

from optimizers import user_code
from trainables.spec import TrialSpec
from trainables.testing._data_cases import can_be_sent
from trainables.testing.subject import CPU, Subject
from trainables.training.training_run import Training, open_training
from trainables.tune.child_process import ChildProcess

WORKERS = 2
TIMEOUT_S = 600.0
# Which two cannot share equally.
BATCH_SIZE = 7
ALLOWED = 1e-4
"""How far weights may lie apart, relatively to their norm: float32, added up in another order."""


def two_workers_train_as_one(subject: Subject) -> None:
    """Two processes that share each batch end with the same weights, which are those of one process."""
    if not can_be_sent(subject.entry):
        return
    # Adam would make as much of gradients that are nothing but rounding as of others.
    spec = replace(subject.spec, batch_size=BATCH_SIZE, optimizer="sgd", hyperparameters={"lr": 0.01, "momentum": 0.9})
    alone = _weights(_trained(_open(subject, spec)))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        children = [
            stack.enter_context(
                ChildProcess(
                    *(user_code.current(), train_shared, subject.fresh(), spec, f"{folder}/store", rank),
                    environment={"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
                )
            )
            for rank in range(WORKERS)
        ]
        first, second = (child.result(TIMEOUT_S) for child in children)
    assert all(torch.equal(first[name], second[name]) for name in first), (
        "two processes that train together end with different weights; a step may depend on nothing but the batch and "
        "torch's global generator"
    )
    far = 0.0 if _differs_by_process(subject) else _distance(first, alone)
    assert far <= ALLOWED, (
        f"the weights of two processes that share each batch and those of one lie {far:.1e} of their norm apart; "
        "return the mean over the examples as the loss"
    )


def train_shared(subject: Subject, spec: TrialSpec, store: str, rank: int) -> dict[str, Tensor]:
    """Train as one of several processes, and return the weights."""
    import torch.distributed as dist

    torch.set_num_threads(1)
    timeout = timedelta(seconds=TIMEOUT_S / 2)
    dist.init_process_group(
        "gloo", store=dist.FileStore(store, WORKERS), rank=rank, world_size=WORKERS, timeout=timeout
    )
    try:
        return _weights(_trained(_open(subject, spec, shared=True)))
    finally:
        dist.destroy_process_group()


def _open(subject: Subject, spec: TrialSpec, shared: bool = False) -> Training:
    return open_training(spec, subject.few, CPU, shared, subject.entry)


def _trained(run: Training) -> Training:
    while not run.finished:
        run.advance(run.total_steps)
    return run


def _weights(run: Training) -> dict[str, Tensor]:
    return {name: p.detach() for name, p in run.model.named_parameters()}


def _differs_by_process(subject: Subject) -> bool:
    """Whether each process has something of its own: statistics of its share, or draws such as dropout's."""
    workload = subject.new_workload()
    model = subject.new_model(workload)
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        return True
    _, batch = subject.first_batch(workload)
    losses = []
    for seed in (1, 2):
        workload.begin_epoch(model)
        torch.manual_seed(seed)
        losses.append([float(part.loss(*batch).detach()) for part in workload.parts(model)])
    return losses[0] != losses[1]


def _distance(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """The distance of two sets of weights, relative to the norm of one."""
    flat_ours, flat_theirs = (torch.cat([p.flatten().double() for p in one.values()]) for one in (ours, theirs))
    return float((flat_ours - flat_theirs).norm() / flat_theirs.norm())
