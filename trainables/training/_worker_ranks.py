"""Several processes that train one run: each takes a share of every batch, and all take the same step.

All of them draw the same batches. Each weighs the mean loss of its share by the share's part of the targets, and the
gradients are summed over all before they are clipped and stepped on: what one process would compute on the whole batch,
added up in another order. The loss is summed with them, so that every decision on it is the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from optimizers.errors import one_line
from trainables.data.example_draws import in_share
from trainables.training.lost_contact import LostContactError

# Large enough that latency does not count, small enough to be no second copy of all gradients.
BUCKET_BYTES = 32 * 2**20


class Ranks:
    """One run in the hands of torch.distributed's default group, of which this process is one.

    Batches are cut along ``axis`` of inputs and targets. What is drawn for each example comes from one generator that
    all processes have alike, seeded as the global one stands now; whatever else a net draws, such as dropout, comes
    from the global generator, which at every step is seeded by the run's ``seed``, the step and the rank.
    """

    def __init__(self, axis: int, seed: int, device: torch.device) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._axis, self._seed = axis, seed
        self.generator = torch.Generator(device)
        on_gpu = device.type == "cuda"
        self.generator.set_state(torch.cuda.get_rng_state(device) if on_gpu else torch.get_rng_state())

    def begin_step(self, step: int) -> None:
        """Seed what this process draws by itself in that step, so that no checkpoint has to hold it."""
        digest = hashlib.sha256(f"{self._seed} {step} {self.rank}".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    @contextmanager
    def share(self, inputs: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor, float]]:
        """This process's part of a batch, and what its mean loss counts in that of the batch.

        Of a batch with fewer examples than there are processes each takes the whole.
        """
        whole = inputs.shape[self._axis]
        if whole < self.size:
            with in_share(0, whole, self.generator):
                yield inputs, targets, 1 / self.size
            return
        x, y = (one.tensor_split(self.size, self._axis)[self.rank] for one in (inputs, targets))
        # tensor_split makes the first parts longer by one where they cannot be equal.
        first = self.rank * (whole // self.size) + min(self.rank, whole % self.size)
        with in_share(first, whole, self.generator):
            yield x, y, y.numel() / targets.numel()

    def sum_up(self, parameters: Iterable[nn.Parameter], loss: Tensor) -> Tensor:
        """Put the sums over all processes in place of the parameters' gradients; returns that of the losses.

        A parameter that no process has a gradient of keeps none. Raises LostContactError.
        """
        trained = [p for p in parameters if p.requires_grad]
        there = loss.new_tensor([float(p.grad is not None) for p in trained])
        header = torch.cat([loss.reshape(1), there])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
        for bucket in _buckets([header, *gradients]):
            self._sum(bucket)
        if any(p.grad is None for p in trained):
            for p, gradient, count in zip(trained, gradients, header[1:].tolist(), strict=True):
                p.grad = gradient if count else None
        return header[0]

    def _sum(self, tensors: list[Tensor]) -> None:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _contact():
            dist.all_reduce(flat)
        for tensor, summed in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(summed.view_as(tensor))

    def gather(self, own: Any) -> list[Any]:
        """What each process has, by rank; all of them must call this at the same step. Raises LostContactError."""
        gathered: list[Any] = [None] * self.size
        with _contact():
            dist.all_gather_object(gathered, own)
        return gathered


def _buckets(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """Tensors of one type each, together, as many as fit."""
    buckets: list[list[Tensor]] = []
    open_ones: dict[torch.dtype, int] = {}
    filled: dict[torch.dtype, int] = {}
    for tensor in tensors:
        size = tensor.numel() * tensor.element_size()
        if tensor.dtype not in open_ones or filled[tensor.dtype] + size > BUCKET_BYTES:
            open_ones[tensor.dtype], filled[tensor.dtype] = len(buckets), 0
            buckets.append([])
        buckets[open_ones[tensor.dtype]].append(tensor)
        filled[tensor.dtype] += size
    return buckets


@contextmanager
def _contact() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # what gloo and NCCL raise alike when a process is gone or the time is up
        raise LostContactError(one_line(error)) from error
