"""A first look at a task: whether its data, model, loss and metrics can be trained with, each fault in one sentence."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from optimizers import InputError
from trainables.data.feeds import Batch
from trainables.data.own_data import check_disjoint
from trainables.data.splits import DataSet, Split
from trainables.mlflow_contract import Prefix
from trainables.workloads.task import Task
from trainables.workloads.user_errors import errors_of_method, place_of


def check_overlap(task: Task, data: DataSet) -> None:
    """Raise InputError where examples are in two splits, unless the task says that they may be."""
    if not task.allow_overlap:
        try:
            check_disjoint(data)
        except InputError as error:
            raise InputError(f"{place_of(task, 'data')}: {error}") from None


def new_model(task: Task, data: DataSet, seed: int) -> nn.Module:
    """Return a model of the task. Raises InputError where that fails, and where it has nothing to train."""
    torch.manual_seed(seed)
    with errors_of_method(type(task), "build_model"):
        model = task.model_for(data)
    where = place_of(task, "build_model")
    if not isinstance(model, nn.Module):
        raise InputError(f"{where} returns a {type(model).__name__}; return a torch.nn.Module")
    if not any(p.requires_grad for p in model.parameters()):
        raise InputError(f"{where} returns a model without parameters that are trained")
    return model


def check_loss(task: Task, model: nn.Module, batch: Batch) -> None:
    """Raise InputError unless the loss of each part is a finite scalar from which gradients follow."""
    method = "loss" if type(task).parts is Task.parts else "parts"
    with errors_of_method(type(task), method):
        parts = task.parts(model)
    for part in parts:
        with errors_of_method(type(task), method):
            loss = part.loss(*batch)
        where = f"{place_of(task, method)}{f' of {part.name}' if part.name else ''}"
        _check_scalar(loss, where)
        with errors_of_method(type(task), method):
            loss.backward()
        if all(p.grad is None for p in part.module.parameters()):
            raise InputError(f"{where} returns a loss that depends on no parameter of the model")
        model.zero_grad()


def _check_scalar(loss: object, where: str) -> None:
    if not isinstance(loss, Tensor):
        raise InputError(f"{where} returns a {type(loss).__name__}; return a tensor, the mean loss of the batch")
    if loss.ndim:
        raise InputError(f"{where} returns a tensor of shape {tuple(loss.shape)}; return a scalar, such as its mean")
    if not bool(torch.isfinite(loss)):
        raise InputError(f"{where} returns {loss.item()} for the first batch of a new model; it must be finite")
    if not loss.requires_grad:
        raise InputError(
            f"{where} returns a loss without a gradient; compute it from the model's output by torch alone, without "
            "detach(), item() or torch.no_grad()"
        )


def check_metrics(task: Task, model: nn.Module, split: Split, declared: Collection[str]) -> None:
    """Raise InputError unless an evaluation gives exactly the metrics that are declared, by names with ``val/``."""
    with errors_of_method(type(task), "evaluate"):
        found = {f"{Prefix.VALIDATION}{name}" for name in task.measure(model, split)}
    where = place_of(task, "evaluate")
    for name in declared:
        if name not in found:
            bare = name.removeprefix(Prefix.VALIDATION)
            raise InputError(f'{where} does not return "{bare}", which metrics declares as "{name}"')
    for name in sorted(found.difference(declared)):
        bare = name.removeprefix(Prefix.VALIDATION)
        raise InputError(f'{where} returns "{bare}", which metrics does not declare; add "{name}" and its direction')
