"""One training run, from its spec to its last evaluation: no Ray, no files; it can stop and go on at any step."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

import optimizers
from optimizers.diagnostics import diagnostics
from trainables import registry
from trainables.data import DataSet, Split
from trainables.learning_rate import factor
from trainables.spec import TrialSpec
from trainables.workload import Workload

# A loss this many times that of the first step (or of 1, if that was smaller) will not come back.
DIVERGENCE_MULTIPLE = 100.0
# Reading the loss waits for the device, so it is not read at every step.
STEPS_BETWEEN_LOSS_CHECKS = 10

CurvePoint = dict[str, float]


def open_training(spec: TrialSpec, data: DataSet, device: torch.device) -> Training:
    """The run of a spec, at its start, on data that lies on the device."""
    return Training(spec, registry.get(spec.workload).load(spec.options), data, device)


def _distance(before: Iterable[Tensor], after: Iterable[Tensor]) -> float:
    """The Euclidean distance between two states of all parameters."""
    squares = [(q.detach() - p).square().sum() for p, q in zip(before, after, strict=True)]
    return torch.stack(squares).sum().sqrt().item()


class Training:
    """Trains ``spec`` on ``data`` and keeps its curve: one point an epoch, or what stands for it.

    A point has ``step``, ``epoch``, ``timestamp`` (milliseconds since 1970), ``train/loss`` (mean since the last one),
    the validation metrics, and of the last step ``optim/update_norm``, how far it moved all parameters together, and
    ``optim/...``, what the optimizer says of itself. Equal specs give equal bits on the CPU, however often the run was
    stopped and restored in between.
    """

    def __init__(self, spec: TrialSpec, workload: Workload, data: DataSet, device: torch.device) -> None:
        self.spec, self.workload, self.data, self.device = spec, workload, data, device
        self._how = registry.get(spec.workload).check_training(spec.training)
        torch.manual_seed(spec.seed)
        # Convolutions are faster with a pixel's channels side by side; nothing else is touched by it.
        self.model = workload.build_model(data.classes).to(device)
        self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._feed = workload.feed(data.train, spec.batch_size)
        self.steps_per_epoch = spec.evaluate_every or self._feed.steps_per_epoch
        self.total_steps = self.steps_per_epoch * spec.epochs
        self._entry = optimizers.get(spec.optimizer)
        self.optimizer = self._build_optimizer()
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        self._order_generator = torch.Generator().manual_seed(spec.seed)
        self.step = 0
        self.curve: list[CurvePoint] = []
        self.diverged = False
        self.initial_loss: float | None = None
        self.train_seconds = 0.0
        self._loss_sum, self._targets_seen = torch.zeros((), device=device), 0
        self._begin_pass()

    def _build_optimizer(self) -> torch.optim.Optimizer:
        passes = math.ceil(self.total_steps / self._feed.steps_per_epoch)
        settings = self._entry.with_budget(self.spec.hyperparameters, steps=self.total_steps, epochs=passes)
        return optimizers.build(self.spec.optimizer, self.model.parameters(), **settings)

    @property
    def epoch(self) -> int:
        """Epochs completed, or what stands for them in the spec; each ends with an evaluation."""
        return self.step // self.steps_per_epoch

    @property
    def finished(self) -> bool:
        return self.diverged or self.step >= self.total_steps

    def advance(self, steps: int) -> None:
        """Train for at most ``steps`` optimizer steps; ends early at the end of the budget and on divergence."""
        started = time.perf_counter()
        for _ in range(steps):
            if self.finished:
                break
            self._train_step()
        self.train_seconds += time.perf_counter() - started

    def _begin_pass(self) -> None:
        """Begin a pass over the training data."""
        self.workload.begin_epoch(self.model)
        self._enter_pass()

    def _enter_pass(self) -> None:
        """Draw the order of a pass, at its start or when a run goes on in the middle of it."""
        self._epoch_start_state = self._order_generator.get_state()
        self._feed.begin_epoch(self._order_generator)
        set_epoch = getattr(self.optimizer, "set_epoch", None)
        if set_epoch is not None:
            set_epoch(self.step // self._feed.steps_per_epoch + 1)

    def _train_step(self) -> None:
        inputs, targets = self._feed.batch(self.step % self._feed.steps_per_epoch)
        loss = self._backward(inputs, targets)
        if self._how["clip_norm"] is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self._how["clip_norm"])
        change = factor(self.step + 1, self.total_steps, self._how)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * change
        end_of_epoch = (self.step + 1) % self.steps_per_epoch == 0
        before = [p.detach().clone() for p in self.model.parameters()] if end_of_epoch else []
        try:
            self.optimizer.step()
        except FloatingPointError:  # an optimizer that refuses gradients that are not finite
            self.diverged = True
        self._loss_sum.add_(loss, alpha=targets.numel())
        self._targets_seen += targets.numel()
        self.step += 1
        if self.workload.watches_steps:
            with self.weights_for_use():
                self.workload.after_step(self.model, self.step)
        if not self.diverged and (self.step % STEPS_BETWEEN_LOSS_CHECKS == 1 or end_of_epoch):
            self._check_divergence(loss.item())
        if end_of_epoch and not self.diverged:
            self._end_epoch(_distance(before, self.model.parameters()))
        if self.step % self._feed.steps_per_epoch == 0 and not self.finished:
            self._begin_pass()

    def _backward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Set the gradients of a batch, part after part; returns its mean loss."""
        self.optimizer.zero_grad()
        if self._how["accumulate"] == 1:
            loss = self._loss(inputs, targets)
            loss.backward()
            return loss.detach()
        total = torch.zeros((), device=self.device)
        parts = (part.tensor_split(self._how["accumulate"]) for part in (inputs, targets))
        for x, y in zip(*parts, strict=True):
            if y.numel():
                loss = self._loss(x, y) * (y.numel() / targets.numel())
                loss.backward()
                total += loss.detach()
        return total

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        if self._how["precision"] == "float32":
            return self.workload.loss(self.model, inputs, targets)
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.workload.loss(self.model, inputs, targets)

    def _check_divergence(self, loss: float) -> None:
        if self.initial_loss is None:
            self.initial_loss = loss
        limit = DIVERGENCE_MULTIPLE * max(self.initial_loss, 1.0)
        self.diverged = not (loss <= limit and math.isfinite(self._loss_sum.item()))

    def _end_epoch(self, update_norm: float) -> None:
        metrics = self._evaluate("val", self.data.validation)
        if not all(math.isfinite(value) for value in metrics.values()):
            self.diverged = True
            return
        train_loss = self._loss_sum.item() / self._targets_seen
        self._loss_sum.zero_()
        self._targets_seen = 0
        self.curve.append(
            {
                "step": self.step,
                "epoch": self.epoch,
                "timestamp": int(time.time() * 1000),
                "train/loss": train_loss,
                **metrics,
                "optim/update_norm": update_norm,
                **{f"optim/{name}": value for name, value in diagnostics(self.optimizer).items()},
            }
        )

    @contextmanager
    def weights_for_use(self) -> Iterator[None]:
        """Inside, the model has the weights that are meant to be used, where the optimizer trains others."""
        optimizer: Any = self.optimizer
        if self._entry.averages_weights:
            optimizer.eval()
        try:
            yield
        finally:
            if self._entry.averages_weights:
                optimizer.train()

    def _evaluate(self, prefix: str, split: Split) -> dict[str, float]:
        with self.weights_for_use():
            return {f"{prefix}/{name}": value for name, value in self.workload.evaluate(self.model, split).items()}

    def test_metrics(self) -> dict[str, float]:
        """Metrics of the test split, ``test/...``; for confirmation runs, once, after the last step."""
        return self._evaluate("test", self.data.test)

    def weights_sha256(self) -> str:
        """Digest of every parameter and buffer as they are used, equal exactly for models equal to the last bit."""
        digest = hashlib.sha256()
        with self.weights_for_use():
            for name, tensor in self.model.state_dict().items():
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on, as tensors and plain data."""
        return {
            "spec": self.spec.to_dict(),
            "fingerprint": self.data.fingerprint,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "torch_generator": torch.get_rng_state(),
            "cuda_generator": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "epoch_start_generator": self._epoch_start_state,
            "loss_sum": self._loss_sum,
            "targets_seen": self._targets_seen,
            "step": self.step,
            "curve": self.curve,
            "diverged": self.diverged,
            "initial_loss": self.initial_loss,
            "train_seconds": self.train_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken. Raises ValueError when it belongs to another spec or to other data."""
        if state["spec"] != self.spec.to_dict():
            raise ValueError("it was written by a run with another configuration")
        if state["fingerprint"] != self.data.fingerprint:
            raise ValueError("it was written by a run on other data")
        self.step, self.curve, self.diverged = state["step"], state["curve"], state["diverged"]
        self.initial_loss, self.train_seconds = state["initial_loss"], state["train_seconds"]
        self.model.load_state_dict(state["model"])
        self._order_generator.set_state(state["epoch_start_generator"])
        self._enter_pass()
        self.optimizer.load_state_dict(state["optimizer"])
        self._loss_sum.copy_(state["loss_sum"])
        self._targets_seen = state["targets_seen"]
        torch.set_rng_state(state["torch_generator"])
        if state["cuda_generator"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_generator"], self.device)
