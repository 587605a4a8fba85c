"""Batches from image files: decoded, cut and scaled by worker processes, the same ones whatever their number."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from trainables.data import passes
from trainables.data._image_decoding import fault_of, read_rgb
from trainables.data.feeds import Batch, Feed
from trainables.data.splits import Split

# Of 256 to 224, the usual border around what is evaluated.
BORDER = 256 / 224


class ImageFiles(Dataset):
    """Images uint8 (3, resolution, resolution) of a split of paths, with their class.

    With a ``seed`` for training, each is cut out at random (8 to 100 % of its area, 3:4 to 4:3) and every other one
    mirrored, by numbers that its place and the seed determine; without one the middle is taken. All images were decoded
    when their cache was made; OSError: one has been lost or changed since.
    """

    def __init__(self, split: Split, order: Tensor, resolution: int, seed: int | None) -> None:
        # Worker processes are forks, and a fork cannot read what lies on a GPU.
        self.split = split.to(torch.device("cpu"))
        self.order, self.resolution, self.seed = order, resolution, seed
        self._cut = v2.RandomResizedCrop(resolution, antialias=True)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        index = int(self.order[place])
        path = os.fsdecode(self.split.inputs[index].numpy().tobytes().rstrip(b"\0"))
        try:
            with open(path, "rb") as file:
                image: Any = read_rgb(file)
        except Exception as error:  # noqa: BLE001 - a decoder meets malformed bytes with any exception
            raise OSError(f"{path}: {fault_of(error)}") from None
        if self.seed is None:
            image = functional.resize(image, [round(BORDER * self.resolution)], antialias=True)
            image = functional.center_crop(image, [self.resolution])
        else:
            image = self._augmented(image, self.seed + index)
        return functional.pil_to_tensor(image), int(self.split.targets[index])

    def _augmented(self, image: Any, seed: int) -> Any:
        # Not torch.manual_seed, which also seeds all GPUs, and takes longer than an image for those not in use yet.
        generator = torch.default_generator
        before = generator.get_state()
        try:
            generator.manual_seed(seed)
            image = self._cut(image)
            return functional.horizontal_flip(image) if torch.rand(()) < 0.5 else image
        finally:
            generator.set_state(before)


class ShuffledFiles(Feed):
    """Every image once an epoch, in an order and, where ``augment``, with cuts that are drawn anew.

    The last batch may be smaller; one of fewer than ``fewest`` images joins the batch before.
    """

    def __init__(
        self, split: Split, batch_size: int, resolution: int, workers: int, augment: bool = True, fewest: int = 1
    ) -> None:
        self.split, self.batch_size, self.resolution, self.workers = split, batch_size, resolution, workers
        self.augment, self.device = augment, split.targets.device
        self.steps_per_epoch = passes.batches(len(split.targets), batch_size, fewest)
        self._starts = [index * batch_size for index in range(self.steps_per_epoch)]

    def begin_epoch(self, generator: torch.Generator) -> None:
        self._order = torch.randperm(len(self.split.targets), generator=generator)
        self._seed = int(torch.randint(2**62, (), generator=generator))
        self._next, self._batches = 0, iter(())

    def batch(self, index: int) -> Batch:
        if index != self._next or index == 0:
            self._batches = self._from(index)
        self._next = index + 1
        images, targets = next(self._batches)
        return images.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True)

    def _from(self, index: int) -> Iterator[Batch]:
        """The batches of the epoch from one on: a run may go on in its middle."""
        images = ImageFiles(self.split, self._order, self.resolution, self._seed if self.augment else None)
        return _batches(images, self._starts[index:], self.workers)


def in_order(split: Split, batch_size: int, resolution: int, workers: int) -> Iterator[Batch]:
    """Every image once, its middle, for evaluation."""
    images = ImageFiles(split, torch.arange(len(split.targets)), resolution, None)
    for inputs, targets in _batches(images, range(0, len(images), batch_size), workers):
        yield inputs.to(split.targets.device), targets.to(split.targets.device)


@contextmanager
def _no_signal_of_lost_children() -> Iterator[None]:
    """Leave it to the wait for the next batch to find that a worker process is gone.

    Torch would also raise an error for it from a signal, in the middle of whatever this process is doing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # where torch sets no handler either
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)  # None is a handler that Python does not know


def _batches(images: ImageFiles, starts: Sequence[int], workers: int) -> Iterator[Batch]:
    """The batches that begin at these places of the images' order, each up to the next."""
    places = [list(range(*ends)) for ends in pairwise([*starts, len(images)])]
    loader = DataLoader(
        images,
        batch_sampler=places,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        # It draws a seed at each start, which would move the global generator, and with it what a net draws.
        generator=torch.Generator(),
    )
    others = multiprocessing.active_children()
    try:
        with _no_signal_of_lost_children():
            batches = iter(loader)
    except RuntimeError as error:  # torch's signal of a worker that was lost while the others were started
        raise ChildProcessError("a process that decodes images was lost as it began") from error
    own = [process for process in multiprocessing.active_children() if process not in others]
    try:
        yield from batches
    except RuntimeError as error:
        lost = [process.exitcode for process in own if not process.is_alive()]
        if not lost:
            raise
        raise ChildProcessError(f"a process that decodes images was lost (exit code {lost[0]})") from error
    except OSError as error:
        # Torch puts the traceback of its worker process before the error itself, which is the last line.
        raise OSError(str(error).strip().splitlines()[-1].removeprefix("OSError: ")) from error
