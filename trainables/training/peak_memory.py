"""How much of a GPU's memory a run takes at its peak, and which fraction of the GPU is enough for that."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import optimizers
from optimizers import user_code
from optimizers.user_code import CodeBundle
from trainables.spec import TrialSpec
from trainables.workloads import catalogue

if TYPE_CHECKING:
    import torch

# Enough that an optimizer has all of its state, and the allocator what the next step asks for.
STEPS = 5
# On a GPU that others use too, what the driver counts beside our tensors is theirs for the most part.
MOST_BESIDE_TENSORS = 2**30


@dataclass(frozen=True)
class Peak:
    """``bytes`` of the ``total`` of a GPU of the kind ``device`` that a process took while it trained ``workload``."""

    workload: str
    bytes: int
    total: int
    device: str

    def smallest_fraction(self) -> float | None:
        """The smallest share of the GPU, in hundredths, that holds the process; None where the whole does not."""
        hundredths = max(1, math.ceil(100 * self.bytes / self.total))
        return hundredths / 100 if hundredths <= 100 else None


class Meter(Protocol):
    """Measures a device's memory, in bytes."""

    def begin(self) -> None:
        """Forget earlier peaks."""
        ...

    def peak(self) -> int:
        """The most that this process has taken since, with what the device's own library takes."""
        ...

    def total(self) -> int:
        """What the device has."""
        ...


class CudaMeter:
    """The first GPU that this process sees."""

    def begin(self) -> None:
        import torch

        torch.cuda.init()  # which nothing here has done yet, and without which there is no peak to forget
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int:
        import torch

        free, total = torch.cuda.mem_get_info()
        beside = max(0, total - free - torch.cuda.memory_reserved())
        return torch.cuda.max_memory_reserved() + min(beside, MOST_BESIDE_TENSORS)

    def total(self) -> int:
        import torch

        return torch.cuda.mem_get_info()[1]


def measure(specs: Iterable[TrialSpec], data_root: Path, device: torch.device, meter: Meter) -> Peak:
    """The peak of the run that takes most: of each, some steps and an evaluation on the validation split."""
    peaks = [_measure(spec, data_root, device, meter) for spec in specs]
    return max(peaks, key=lambda peak: peak.bytes)


def _measure(spec: TrialSpec, data_root: Path, device: torch.device, meter: Meter) -> Peak:
    from trainables.training.training_run import open_training

    meter.begin()
    # Without an evaluation in between.
    spec = replace(spec, epochs=1, evaluate_every=10**9)
    data = catalogue.get(spec.workload).load_data(data_root, spec.options).to(device)
    training = open_training(spec, data, device)
    training.advance(STEPS)
    with training.weights_for_use():
        training.workload.measure(training.model, data.validation)
    return Peak(spec.workload, meter.peak(), meter.total(), training.device_name)


def measure_on_gpu(code: CodeBundle, specs: Sequence[dict[str, Any]], data_root: str) -> Peak | None:
    """As :func:`measure`, of specs as plain data, on the GPU of this process; None where torch sees none.

    ``code`` is the user's that they name.
    """
    import torch

    if not torch.cuda.is_available():
        return None
    user_code.load(code)
    runs = [TrialSpec.from_dict(spec) for spec in specs]
    return measure(runs, Path(data_root), torch.device("cuda"), CudaMeter())


def largest_state(specs: Sequence[TrialSpec]) -> TrialSpec:
    """The run whose optimizer keeps most beside each parameter."""
    return max(specs, key=_state_bytes)


def _state_bytes(spec: TrialSpec) -> int:
    """What the optimizer keeps of a small matrix after steps on it."""
    import torch

    entry = optimizers.get(spec.optimizer)
    settings = entry.with_budget(entry.for_part(spec.hyperparameters, ""), steps=STEPS, epochs=1)
    weights = torch.nn.Parameter(torch.ones(64, 64))
    optimizer = optimizers.build(spec.optimizer, [weights], **settings)
    for _ in range(2):
        weights.grad = torch.full_like(weights, 1e-3)
        optimizer.step()
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors_in(optimizer.state_dict()))


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors of a state, however deep they lie."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for one in inside for tensor in tensors_in(one)]
