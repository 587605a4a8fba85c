"""Cases about a model, its loss and its evaluation."""

from __future__ import annotations

import hashlib
import pickle
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainables.mlflow_contract import Prefix
from trainables.testing.subject import Subject
from trainables.training import soundness
from trainables.workloads.task import Task
from trainables.workloads.workload import Part, Workload

RELATIVE = 1e-3
NAMES_TOLD = 5


def loss_is_a_finite_scalar(subject: Subject) -> None:
    """The loss of a batch is one finite number, and gradients follow from it."""
    workload, model, batch = _begun(subject)
    if isinstance(workload, Task):
        soundness.check_loss(workload, model, batch)
        return
    for part, loss in _losses(workload, model, batch):
        assert loss.shape == (), f"the loss{_of(part)} has the shape {tuple(loss.shape)}; it must be a scalar"
        assert torch.isfinite(loss), f"the loss{_of(part)} of a new model is {loss.item()}; it must be finite"
        assert loss.requires_grad, f"the loss{_of(part)} has no gradient"


def every_parameter_gets_a_gradient(subject: Subject) -> None:
    """Each parameter gets a gradient from the first batch, or is frozen by ``requires_grad_(False)``."""
    workload, model, batch = _begun(subject)
    for part, loss in _losses(workload, model, batch):
        model.zero_grad()
        loss.backward()
        without = [name for name, p in part.module.named_parameters() if p.requires_grad and p.grad is None]
        shown = ", ".join(without[:NAMES_TOLD]) + (" and more" if len(without) > NAMES_TOLD else "")
        assert not without, f"no gradient reaches {shown}; use it in the loss, or freeze it by requires_grad_(False)"


def metrics_are_those_declared(subject: Subject) -> None:
    """An evaluation gives the metrics that the workload declares, and no others."""
    workload, model, _ = _begun(subject)
    declared = subject.entry.metrics_with(subject.options)
    if isinstance(workload, Task):
        soundness.check_metrics(workload, model, subject.few.validation, declared)
        return
    found = {f"{Prefix.VALIDATION}{name}" for name in workload.measure(model, subject.few.validation)}
    assert found == set(declared), f"an evaluation gives {sorted(found)}, and {sorted(declared)} are declared"


def evaluation_leaves_no_trace(subject: Subject) -> None:
    """Weights, buffers, gradients, modes of modules and the generators of numpy and Python are as before."""
    run = subject.open()
    run.advance(2)
    before = _state_of(run.model)
    run.workload.measure(run.model, subject.few.validation)
    after = _state_of(run.model)
    changed = [what for what, state in before.items() if state != after[what]]
    assert not changed, f"an evaluation changes {', '.join(changed)}; leave everything as it was before"


def pieces_of_a_batch_equal_the_whole(subject: Subject) -> None:
    """The loss of a batch is the mean of those of its halves, as training in pieces and on several devices assumes."""
    workload, model, _ = _begun(subject)
    feed, (inputs, targets) = subject.first_batch(workload)
    model.eval()  # without dropout and the statistics of a batch
    axis = feed.axis
    halves = list(zip(inputs.tensor_split(2, axis), targets.tensor_split(2, axis), strict=True))
    for number, part in enumerate(workload.parts(model)):
        whole = _loss_alone(workload, model, number, (inputs, targets), seed=1)
        if whole != _loss_alone(workload, model, number, (inputs, targets), seed=2):
            continue  # it draws, other numbers for each piece
        own = [_loss_alone(workload, model, number, half, seed=1) * half[1].numel() for half in halves]
        mean = sum(own) / targets.numel()
        assert abs(mean - whole) <= RELATIVE * max(abs(whole), 1e-3), (
            f"the loss{_of(part)} of a batch is {whole:g}, the mean of its halves {mean:g}; return the mean over the "
            "examples, not their sum"
        )


def _loss_alone(workload: Workload, model: nn.Module, number: int, batch: tuple[Tensor, Tensor], seed: int) -> float:
    workload.begin_epoch(model)  # which forgets what was carried from another batch
    torch.manual_seed(seed)
    return float(workload.parts(model)[number].loss(*batch).detach())


def _begun(subject: Subject) -> tuple[Workload, nn.Module, tuple[Tensor, Tensor]]:
    workload = subject.new_workload()
    if isinstance(workload, Task):
        model = soundness.new_model(workload, subject.few, seed=1)
    else:
        model = subject.new_model(workload)
        assert any(p.requires_grad for p in model.parameters()), "the model has no parameters that are trained"
    workload.begin_epoch(model)
    return workload, model, subject.first_batch(workload)[1]


def _losses(workload: Workload, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Iterator[tuple[Part, Tensor]]:
    return ((part, part.loss(*batch)) for part in workload.parts(model))


def _of(part: Part) -> str:
    return f" of {part.name}" if part.name else ""


def _state_of(model: nn.Module) -> dict[str, Any]:
    """Digests of what an evaluation could change."""
    return {
        "weights": _digest(dict(model.named_parameters())),
        "buffers": _digest(dict(model.named_buffers())),
        "gradients": _digest({name: p.grad for name, p in model.named_parameters() if p.grad is not None}),
        "which parameters are trained": [p.requires_grad for p in model.parameters()],
        "the mode of modules": [module.training for module in model.modules()],
        "numpy's global generator": pickle.dumps(np.random.get_state()),
        "Python's global generator": random.getstate(),
    }


def _digest(tensors: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
