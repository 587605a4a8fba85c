"""A part of a model in training: its loss, its optimizer, and what is counted of the two until an evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

import optimizers
from optimizers import InputError
from optimizers.base.averaging import Averaging
from optimizers.base.diagnostics import diagnostics
from trainables.mlflow_contract import Prefix
from trainables.spec import TrialSpec
from trainables.training._worker_ranks import Ranks
from trainables.workloads.workload import Part


class TrainedPart:
    """``part`` under the optimizer of ``spec``, whose settings may hold for this part alone.

    ``how`` are the options of the training, checked; ``steps`` and ``passes`` are the budget, from which schedules
    without a length of their own take theirs. ``ranks`` are the processes that share its batches, if there are several.
    """

    def __init__(
        self, part: Part, spec: TrialSpec, how: Mapping[str, Any], steps: int, passes: int, ranks: Ranks | None
    ) -> None:
        self.name, self.module, self.every, self._how, self._ranks = part.name, part.module, part.every, how, ranks
        # One program a shape, so that what a resumed run meets first does not decide how it computes.
        self._loss = torch.compile(part.loss, dynamic=False) if how["compile"] else part.loss
        entry = optimizers.get(spec.optimizer)
        settings = entry.for_part(spec.hyperparameters, part.name)
        settings = entry.with_budget(settings, steps=max(1, steps // part.every), epochs=passes)
        self.optimizer: Any = optimizers.build(spec.optimizer, part.module.parameters(), **settings)
        self._averages_weights = entry.averages_weights or isinstance(self.optimizer, Averaging)
        self._rates = [group.get("lr") for group in self.optimizer.param_groups]
        if None in self._rates and (how["lr_schedule"] != "constant" or how["warmup"]):
            raise InputError(
                f"{spec.optimizer} has no lr in its param groups for lr_schedule and warmup to act on; leave both out."
            )
        device = next(part.module.parameters()).device
        self._loss_sum, self._targets_seen = torch.zeros((), device=device), 0
        self._last_loss: Tensor | None = None
        self._update_norm = 0.0
        self.initial_loss: float | None = None

    def begin_pass(self, number: int) -> None:
        """Tell an optimizer that counts passes over the data which one begins, the first being 1."""
        set_epoch = getattr(self.optimizer, "set_epoch", None)
        if set_epoch is not None:
            set_epoch(number)

    def take_turn(self, inputs: Tensor, targets: Tensor, rate: float, measured: bool) -> bool:
        """One step on a batch, at ``rate`` times the learning rate; whether the optimizer took it.

        ``measured``: how far the step moves the parameters is to be told at the next evaluation.
        """
        self._last_loss = self._backward(inputs, targets)
        if self._how["clip_norm"] is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self._how["clip_norm"])
        for group, full in zip(self.optimizer.param_groups, self._rates, strict=True):
            if full is not None:
                group["lr"] = full * rate
        before = [p.detach().clone() for p in self.module.parameters()] if measured else []
        try:
            self.optimizer.step()
        except FloatingPointError:  # an optimizer that refuses gradients that are not finite
            return False
        finally:
            self._loss_sum.add_(self._last_loss, alpha=targets.numel())
            self._targets_seen += targets.numel()
        if measured:
            self._update_norm = _distance(before, self.module.parameters())
        return True

    def _backward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Set the gradients of a batch, piece after piece; returns its mean loss."""
        self.optimizer.zero_grad()
        if self._ranks is not None:
            return self._ranks.sum_up(self.module.parameters(), self._backward_in_pieces(inputs, targets))
        if self._how["accumulate"] == 1:
            loss = self._loss_of(inputs, targets)
            loss.backward()
            return loss.detach()
        return self._backward_in_pieces(inputs, targets)

    def _backward_in_pieces(self, inputs: Tensor, targets: Tensor) -> Tensor:
        total = torch.zeros((), device=targets.device)
        pieces = (whole.tensor_split(self._how["accumulate"]) for whole in (inputs, targets))
        for x, y in zip(*pieces, strict=True):
            if y.numel():
                with self._share(x, y) as (own_x, own_y, weight):
                    loss = self._loss_of(own_x, own_y) * (weight * (y.numel() / targets.numel()))
                loss.backward()
                total += loss.detach()
        return total

    def _share(self, inputs: Tensor, targets: Tensor) -> AbstractContextManager[tuple[Tensor, Tensor, float]]:
        return nullcontext((inputs, targets, 1.0)) if self._ranks is None else self._ranks.share(inputs, targets)

    def _loss_of(self, inputs: Tensor, targets: Tensor) -> Tensor:
        if self._how["precision"] == "float32":
            return self._loss(inputs, targets)
        with torch.autocast(inputs.device.type, torch.bfloat16):
            return self._loss(inputs, targets)

    def read_loss(self) -> float | None:
        """The loss of the last turn, nan once one was not finite; None before the first turn. Waits for the device."""
        if self._last_loss is None:
            return None
        loss = self._last_loss.item() if math.isfinite(self._loss_sum.item()) else math.nan
        if self.initial_loss is None:
            self.initial_loss = loss
        return loss

    def report(self) -> dict[str, float]:
        """The mean loss since the last report, if there was a turn, and what the optimizer says of itself."""
        prefix = f"{self.name}_" if self.name else ""
        told = (
            {}
            if self._targets_seen == 0
            else {f"{Prefix.TRAIN}{prefix}loss": self._loss_sum.item() / self._targets_seen}
        )
        self._loss_sum.zero_()
        self._targets_seen = 0
        numbers = {"update_norm": self._update_norm, **diagnostics(self.optimizer)}
        return {**told, **{f"{Prefix.OPTIMIZER}{prefix}{name}": value for name, value in numbers.items()}}

    def use(self, for_evaluation: bool) -> None:
        """Exchange the weights that are trained for those that are meant to be used, where they differ, or back."""
        if self._averages_weights:
            self.optimizer.eval() if for_evaluation else self.optimizer.train()

    @property
    def _groups(self) -> list[dict[str, Any]]:
        return self.optimizer.param_groups

    def state_dict(self) -> dict[str, Any]:
        return {
            "optimizer": self.optimizer.state_dict(),
            "loss_sum": self._loss_sum,
            "targets_seen": self._targets_seen,
            "last_loss": self._last_loss,
            "update_norm": self._update_norm,
            "initial_loss": self.initial_loss,
        }

    def load_state_dict(self, state: dict[str, Any], inherited: bool = False) -> None:
        """Go on where ``state`` was taken; the module's own state is loaded with the model's, before.

        ``inherited``: by an optimizer with schedules of its own, which the state of another does not replace. What else
        stands in a group may be counted on, so it is the other's.
        """
        settings = [{name: one for name, one in group.items() if name.endswith("_schedule")} for group in self._groups]
        self.optimizer.load_state_dict(state["optimizer"])
        if inherited:
            for group, own in zip(self._groups, settings, strict=True):
                group.update(own)
        self._loss_sum.copy_(state["loss_sum"])
        last = state["last_loss"]
        self._last_loss = None if last is None else last.to(self._loss_sum.device)
        self._targets_seen, self._update_norm = state["targets_seen"], state["update_norm"]
        self.initial_loss = state["initial_loss"]


def _distance(before: Iterable[Tensor], after: Iterable[Tensor]) -> float:
    """The Euclidean distance between two states of all parameters."""
    squares = [(q.detach() - p).square().sum() for p, q in zip(before, after, strict=True)]
    return torch.stack(squares).sum().sqrt().item()
