"""One training run, from its spec to its last evaluation: no Ray, no files; it can stop and go on at any step."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from trainables.data.splits import DataSet, Split
from trainables.spec import TrialSpec
from trainables.training._trained_part import TrainedPart
from trainables.training._worker_ranks import Ranks
from trainables.training.learning_rate import LearningRate
from trainables.workloads import catalogue
from trainables.workloads.workload import Workload
from trainables.workloads.workload_entry import WorkloadEntry

# Reading the loss waits for the device, so it is not read at every step.
STEPS_BETWEEN_LOSS_CHECKS = 10

CurvePoint = dict[str, float]


def open_training(
    spec: TrialSpec, data: DataSet, device: torch.device, shared: bool = False, entry: WorkloadEntry | None = None
) -> Training:
    """The run of a spec, at its start, on data that lies on the device; see :class:`Training`.

    ``entry`` is that of the spec's workload, where it is not registered.
    """
    entry = entry or catalogue.get(spec.workload)
    workload = entry.load(spec.options).with_data(data)
    return Training(spec, workload, entry.check_training(spec.training), data, device, shared)


class Training:
    """Trains ``spec`` on ``data`` and keeps its curve: one point an epoch, or what stands for it.

    A point has ``step``, ``epoch``, ``timestamp`` (milliseconds since 1970), ``train/loss`` (mean since the last one),
    the validation metrics, and of the last step ``optim/update_norm``, how far it moved all parameters together, and
    ``optim/...``, what the optimizer says of itself. Where parts of the model are trained by an optimizer each, the
    part's name stands before that: ``train/generator_loss``. Equal specs give equal bits on the CPU, however often the
    run was stopped and restored in between.

    ``how`` are the options of the training, checked.
    ``shared``: the processes of torch.distributed's default group train it together, each calling the same methods with
    the same arguments. The first alone evaluates and keeps the curve; ``advance`` then ends at each evaluation, because
    whether the run goes on is known only there.
    """

    def __init__(
        self,
        spec: TrialSpec,
        workload: Workload,
        how: Mapping[str, Any],
        data: DataSet,
        device: torch.device,
        shared: bool = False,
    ) -> None:
        self.spec, self.workload, self.data, self.device = spec, workload, data, device
        self._how = how
        torch.manual_seed(spec.seed)
        # Convolutions are faster with a pixel's channels side by side; nothing else is touched by it.
        model = workload.model_for(data).to(device)
        # There is none for a CPU, where each process takes the statistics of its own share.
        synchronised = shared and device.type == "cuda"
        self.model = nn.SyncBatchNorm.convert_sync_batchnorm(model) if synchronised else model
        self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._feed = workload.feed(data.train, spec.batch_size)
        self.steps_per_epoch = spec.evaluate_every or self._feed.steps_per_epoch
        self.total_steps = self.steps_per_epoch * spec.epochs
        self._ranks = Ranks(self._feed.axis, spec.seed, device) if shared else None
        self._passes = math.ceil(self.total_steps / self._feed.steps_per_epoch)
        self._rate = LearningRate(self._how, self.total_steps, self._passes)
        self.parts = self._build_parts()
        self._order_generator = torch.Generator().manual_seed(spec.seed)
        self.step = 0
        self.curve: list[CurvePoint] = []
        self.diverged = False
        self.train_seconds = 0.0
        self._pictures: list[tuple[int, str, Tensor]] = []
        self._begin_pass()

    def _build_parts(self) -> tuple[TrainedPart, ...]:
        if self._how["compile"]:
            # In a process that has trained before, what was compiled for other models is in the way.
            torch.compiler.reset()
        parts = self.workload.parts(self.model)
        budget = (self.total_steps, self._passes)
        return tuple(TrainedPart(part, self.spec, self._how, *budget, self._ranks) for part in parts)

    @property
    def device_name(self) -> str:
        """The kind of GPU, such as "NVIDIA H100 80GB HBM3", or "cpu"."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"

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
            if self._ranks is not None and self.step % self.steps_per_epoch == 0:
                break
        self.train_seconds += time.perf_counter() - started

    def _begin_pass(self) -> None:
        """Begin a pass over the training data."""
        self.workload.begin_epoch(self.model)
        self._enter_pass()

    def _enter_pass(self) -> None:
        """Draw the order of a pass, at its start or when a run goes on in the middle of it."""
        self._epoch_start_state = self._order_generator.get_state()
        self._feed.begin_epoch(self._order_generator)
        for part in self.parts:
            part.begin_pass(self.step // self._feed.steps_per_epoch + 1)

    def _train_step(self) -> None:
        inputs, targets = self._feed.batch(self.step % self._feed.steps_per_epoch)
        rate = self._rate.factor(self.step + 1, self.step // self._feed.steps_per_epoch + 1)
        self.step += 1
        if self._ranks is not None:
            self._ranks.begin_step(self.step)
        end_of_epoch = self.step % self.steps_per_epoch == 0
        steps_left = -self.step % self.steps_per_epoch
        for part in self.parts:
            if self.step % part.every == 0:
                self._freeze_all_but(part)
                self.diverged |= not part.take_turn(inputs, targets, rate, measured=steps_left < part.every)
        if self.workload.watches_steps:
            with self.weights_for_use():
                self.workload.after_step(self.model, self.step)
        if not self.diverged and (self.step % STEPS_BETWEEN_LOSS_CHECKS == 1 or end_of_epoch):
            self.diverged = any(self._has_diverged(part) for part in self.parts)
        if end_of_epoch and not self.diverged:
            self._end_epoch()
        if self.step % self._feed.steps_per_epoch == 0 and not self.finished:
            self._begin_pass()

    def _freeze_all_but(self, learning: TrainedPart) -> None:
        """What only lets the gradient through needs none of its own."""
        if len(self.parts) > 1:
            for part in self.parts:
                part.module.requires_grad_(part is learning)

    def _has_diverged(self, part: TrainedPart) -> bool:
        loss = part.read_loss()
        return loss is not None and not loss <= self.workload.highest_loss(part.initial_loss or 0.0)

    def _end_epoch(self) -> None:
        if self._ranks is not None and self._ranks.rank > 0:
            for part in self.parts:
                part.report()  # which begins to count anew
            return
        metrics = self._evaluate("val", self.data.validation)
        if not all(math.isfinite(value) for value in metrics.values()):
            self.diverged = True
            return
        reports = [part.report() for part in self.parts]
        point: CurvePoint = {"step": self.step, "epoch": self.epoch, "timestamp": int(time.time() * 1000), **metrics}
        for report in reports:
            point |= report
        self.curve.append(point)
        with self._as_used():
            pictures = self.workload.pictures(self.model)
        self._pictures += [(self.step, name, picture) for name, picture in pictures.items()]

    def take_pictures(self) -> list[tuple[int, str, Tensor]]:
        """What was to be seen at the evaluations since the last call: (step, name, bytes (3, height, width))."""
        taken, self._pictures = self._pictures, []
        return taken

    @contextmanager
    def weights_for_use(self) -> Iterator[None]:
        """Inside, the model has the weights that are meant to be used, where the optimizer trains others."""
        for part in self.parts:
            part.use(for_evaluation=True)
        try:
            yield
        finally:
            for part in self.parts:
                part.use(for_evaluation=False)

    @contextmanager
    def _as_used(self) -> Iterator[None]:
        """For looking at the model: what is drawn inside, even to make a net to judge it by, is not missed outside."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), self.weights_for_use():
            yield

    def _evaluate(self, prefix: str, split: Split) -> dict[str, float]:
        with self._as_used():
            return {f"{prefix}/{name}": value for name, value in self.workload.measure(self.model, split).items()}

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
        """Everything that the rest of the run depends on, as tensors and plain data.

        Of a shared run it is the same from every process. Raises LostContactError.
        """
        on_gpu = self.device.type == "cuda"
        shared_draws = None if self._ranks is None else self._ranks.generator.get_state()
        return {
            "spec": self.spec.to_dict(),
            "fingerprint": self.data.fingerprint,
            "model": self.model.state_dict(),
            "parts": [part.state_dict() for part in self.parts],
            "torch_generator": torch.get_rng_state() if shared_draws is None or on_gpu else shared_draws,
            "cuda_generator": (shared_draws if shared_draws is not None else torch.cuda.get_rng_state(self.device))
            if on_gpu
            else None,
            "carried": self._carried_by_all(),
            "epoch_start_generator": self._epoch_start_state,
            "step": self.step,
            "curve": self.curve,
            "diverged": self.diverged,
            "train_seconds": self.train_seconds,
        }

    def _carried(self) -> dict[str, Tensor]:
        """What modules keep of the examples that they have just seen, by its name in the model's state."""
        state = self.model.state_dict()
        return {name: one.cpu() for name, one in state.items() if name.endswith("_extra_state")}

    def _carried_by_all(self) -> list[dict[str, Tensor]] | None:
        own = self._carried()
        return self._ranks.gather(own) if self._ranks is not None and own else None

    def load_state_dict(self, state: dict[str, Any], inherited: bool = False) -> None:
        """Go on where ``state`` was taken. Raises ValueError when it belongs to another spec or to other data.

        ``inherited``: it is that of a run with other hyperparameters, which is gone on from with one's own.
        """
        own = self.spec.to_dict()
        if inherited:
            own["hyperparameters"] = state["spec"]["hyperparameters"]
        if state["spec"] != own:
            raise ValueError("it was written by a run with another configuration")
        if not self.data.is_recorded_as(state["fingerprint"]):
            raise ValueError("it was written by a run on other data")
        carried, own_carried = state.get("carried"), {}
        if self._carried():
            workers, rank = (1, 0) if self._ranks is None else (self._ranks.size, self._ranks.rank)
            then = len(carried or [None])
            if then != workers:
                raise ValueError(f"it was written by a run of {then} workers, and this one has {workers}")
            own_carried = carried[rank] if carried else {}
        self.step, self.curve, self.diverged = state["step"], state["curve"], state["diverged"]
        self.train_seconds = 0.0 if inherited else state["train_seconds"]
        self.model.load_state_dict({**state["model"], **own_carried})
        self._order_generator.set_state(state["epoch_start_generator"])
        self._enter_pass()
        for part, of_part in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(of_part, inherited)
        self._restore_generators(state["torch_generator"], state["cuda_generator"])

    def _restore_generators(self, of_cpu: Tensor, of_gpu: Tensor | None) -> None:
        on_gpu = self.device.type == "cuda"
        if self._ranks is not None:
            own = of_gpu if on_gpu else of_cpu
            if own is not None:
                self._ranks.generator.set_state(own)
            return
        torch.set_rng_state(of_cpu)
        if of_gpu is not None and on_gpu:
            torch.cuda.set_rng_state(of_gpu, self.device)
