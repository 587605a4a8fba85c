"""Training throughput of each workload against the loop that PyTorch's tutorials teach for it, both on one thread.

    python -m benchmarks throughput [--device cuda]

The tutorials' loop takes the same net with `torch.optim.Adam` at its defaults and reads the loss after every step; its
images come through a DataLoader and torchvision's transforms, its text as columns of a tensor. Peak memory is that of a
fresh process that does nothing else, imports included; what several processes share counts in each.

On a GPU the tutorials' images come from worker processes through pinned memory, and memory is not measured; where
ADAMANT_DATA names no data, it is made up.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, repeat
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks import made_up_data
from benchmarks.report import Goal, median_and_range, table
from optimizers.testing.step_cost import wait_for

Loop = Callable[[int], None]
"""Trains for so many steps."""


class Case(NamedTuple):
    """A workload, its options, the steps of one turn, the turns of each loop, and the ratio that is wanted if any."""

    name: str
    steps: int
    turns: int
    wanted: float | None
    options: dict[str, Any]


CASES = (
    Case("mlp/mnist", 85, 9, 3.0, {}),
    Case("mlp/cifar10", 40, 7, 2.0, {}),
    Case("cnn/cifar10", 3, 5, 1.3, {}),
    Case("resnet20/cifar10", 3, 5, 1.3, {}),
    Case("resnet18/cifar10", 1, 3, None, {}),
    Case("dcgan/mnist", 3, 5, None, {"width": 32}),
    Case("gpt/text", 5, 7, None, {"folder": "text/kjv"}),
    Case("lstm/text", 4, 5, 1.3, {"folder": "text/kjv", "embedding": 256, "hidden": 256, "tied": True}),
)


STEPS_ON_A_GPU = 40
"""At least, so that a turn lasts long enough; all turns together are still less than an epoch."""
WORKERS_ON_A_GPU = 8


def main(device: str = "cpu") -> list[Goal]:
    """Let the two loops of each workload take turns, print all, and return the goals."""
    root = os.environ.get("ADAMANT_DATA")
    if root:
        return _compare(root, device)
    if device == "cpu":
        print(
            "Skipped: it needs data; set ADAMANT_DATA to a folder that holds MNIST/raw, cifar-10-batches-py, text/kjv."
        )
        return []
    with tempfile.TemporaryDirectory() as folder:
        made_up_data.write(Path(folder))
        return _compare(folder, device)


def _compare(root: str, device: str) -> list[Goal]:
    import torch

    import trainables
    from optimizers import InputError

    threads = torch.get_num_threads()
    if device == "cpu":
        torch.set_num_threads(1)
    rows, goals = [], []
    try:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["ADAMANT_CACHE"] = cache
            for case in CASES:
                try:
                    trainables.get(case.name).check_data(Path(root), case.options)
                except InputError as error:
                    print(f"{case.name} is skipped: {error}")
                    continue
                ours, theirs = _measure(case, [_adamant(case, root, device), _tutorial(case, root, device)], device)
                times = [median_and_range([1e3 * each for each in seconds], 1) for seconds in (ours, theirs)]
                ratio = median(theirs) / median(ours)
                measured = (_adamant, _tutorial) if device == "cpu" else ()
                peaks = [f"{_in_a_fresh_process(build, case, root):.2f}" for build in measured]
                rows.append((case.name, *times, f"{ratio:.2f}", *peaks))
                if case.wanted:
                    goals.append(Goal(f"the tutorials' loop / adamant, {case.name}", ratio, "at least", case.wanted))
    finally:
        torch.set_num_threads(threads)
    told = "; peak in GB" if device == "cpu" else f", on {torch.cuda.get_device_name()}"
    print(f"Milliseconds a step in float32, without evaluation, in turns, median [least, greatest]{told}:\n")
    header = ("", "adamant", "the tutorials' loop", "ratio", *(("peak", "peak, tutorials'") if device == "cpu" else ()))
    print(table(header, rows), end="\n\n")
    print(*goals, sep="\n")
    return goals


def _measure(case: Case, loops: list[Loop], device: str) -> list[list[float]]:
    """Seconds a step of every turn after the first, of each loop."""
    steps = case.steps if device == "cpu" else max(case.steps, STEPS_ON_A_GPU)
    times: list[list[float]] = [[] for _ in loops]
    for turn in range(case.turns + 1):
        for train, seconds in zip(loops, times, strict=True):
            wait_for(device)
            started = time.perf_counter()
            train(steps)
            wait_for(device)
            if turn > 0:
                seconds.append((time.perf_counter() - started) / steps)
    return times


def _in_a_fresh_process(build: Callable[[Case, str], Loop], case: Case, root: str) -> float:
    """Peak memory in GB of a process that trains by that loop and does nothing else."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_peak_memory, build, case, root).result()


def _peak_memory(build: Callable[[Case, str], Loop], case: Case, root: str) -> float:
    import torch

    torch.set_num_threads(1)
    build(case, root)(2)
    # Of this process alone; getrusage would go on from what its parent had.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(status["VmHWM"].split()[0]) / 1e6


def _adamant(case: Case, root: str, device: str = "cpu") -> Loop:
    import torch

    import trainables
    from trainables.training.training_run import open_training

    entry = trainables.get(case.name)
    spec = trainables.TrialSpec(
        entry.name,
        1,
        entry.batch_size,
        "adam",
        {"lr": 1e-3},
        seed=0,
        training=dict(entry.training),
        options=case.options,
    )
    where = torch.device(device)
    return open_training(spec, entry.load_data(Path(root), case.options).to(where), where).advance


def _tutorial(case: Case, root: str, device: str = "cpu") -> Loop:
    import torch

    import trainables
    from trainables.workloads.workload import Workload

    entry = trainables.get(case.name)
    workload: Workload = entry.load(case.options)
    data = entry.load_data(Path(root), case.options)
    model = workload.model_for(data).to(device)
    if case.name.startswith("dcgan/"):
        return _adversarial_loop(case.name, model, root, entry.batch_size, device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    kinds = {"lstm": _text_losses, "gpt": _window_losses}
    of_text = kinds.get(case.name.partition("/")[0])
    losses = (
        _image_losses(case.name, model, root, entry.batch_size, device)
        if of_text is None
        else of_text(workload, model, data, entry.batch_size, device)
    )

    def train(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            loss = next(losses)
            loss.backward()
            if "clip_norm" in entry.training:
                torch.nn.utils.clip_grad_norm_(model.parameters(), entry.training["clip_norm"])
            optimizer.step()
            loss.item()

    return train


def _adversarial_loop(name: str, model: Any, root: str, batch_size: int, device: str) -> Loop:
    """As PyTorch's DCGAN tutorial: the discriminator on real and on generated images, the generator on the same."""
    import torch

    discriminator, generator = model.discriminator, model.generator
    optimizers = [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (discriminator, generator)]
    criterion = torch.nn.BCEWithLogitsLoss()
    batches = _image_batches(name, root, batch_size, device)

    def train(count: int) -> None:
        for _ in range(count):
            images, _ = next(batches)
            real, generated = torch.ones(len(images), device=device), torch.zeros(len(images), device=device)
            discriminator.zero_grad()
            on_real = criterion(discriminator(images), real)
            on_real.backward()
            fakes = generator(torch.randn(len(images), 100, device=device))
            on_generated = criterion(discriminator(fakes.detach()), generated)
            on_generated.backward()
            optimizers[0].step()
            generator.zero_grad()
            loss = criterion(discriminator(fakes), real)
            loss.backward()
            optimizers[1].step()
            (on_real + on_generated).item()
            loss.item()

    return train


def _image_losses(name: str, model: Any, root: str, batch_size: int, device: str) -> Iterator[Any]:
    from torch import nn

    criterion = nn.CrossEntropyLoss()
    for images, labels in _image_batches(name, root, batch_size, device):
        yield criterion(model(images), labels)


def _image_batches(name: str, root: str, batch_size: int, device: str) -> Iterator[Any]:
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    class LocalCIFAR10(datasets.CIFAR10):
        """Also of files that are not byte for byte the original ones."""

        train_list = [[file, None] for file, _ in datasets.CIFAR10.train_list]  # noqa: RUF012
        test_list = [[file, None] for file, _ in datasets.CIFAR10.test_list]  # noqa: RUF012
        meta = {**datasets.CIFAR10.meta, "md5": None}  # noqa: RUF012

    steps: list[Any] = [transforms.ToTensor()]
    if name.endswith("mnist"):
        steps.append(transforms.Normalize((0.1307,), (0.3081,)))
    else:
        steps.append(transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)))
    if name.startswith("resnet"):
        steps = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), *steps]
    if name.startswith("dcgan"):
        steps = [transforms.Resize(32), transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
    if name.startswith("mlp"):
        steps.append(transforms.Lambda(lambda image: image.flatten()))
    source = datasets.MNIST if name.endswith("mnist") else LocalCIFAR10
    images = source(root, train=True, transform=transforms.Compose(steps))
    if device == "cpu":
        return chain.from_iterable(repeat(DataLoader(images, batch_size=batch_size, shuffle=True)))
    loader = DataLoader(
        images, batch_size, shuffle=True, num_workers=WORKERS_ON_A_GPU, pin_memory=True, persistent_workers=True
    )
    batches = chain.from_iterable(repeat(loader))
    return ((images.to(device, non_blocking=True), labels.to(device, non_blocking=True)) for images, labels in batches)


def _text_losses(workload: Any, model: Any, data: Any, batch_size: int, device: str) -> Iterator[Any]:
    from torch import nn

    length = workload.options["length"]
    stream = data.train.inputs.to(device).long()
    rows = len(stream) // batch_size
    columns = stream[: rows * batch_size].view(batch_size, -1).t().contiguous()
    criterion = nn.CrossEntropyLoss()
    state = None
    for start in range(0, rows - 1, length):
        targets = columns[start + 1 : start + 1 + length]
        state = None if state is None else tuple(part.detach() for part in state)
        logits, state = model(columns[start : start + len(targets)], state)
        yield criterion(logits.view(-1, data.classes), targets.reshape(-1))


def _window_losses(workload: Any, model: Any, data: Any, batch_size: int, device: str) -> Iterator[Any]:
    import torch
    from torch import nn

    length = workload.options["context"]
    stream = data.train.inputs.long()
    criterion = nn.CrossEntropyLoss()
    while True:
        starts = torch.randint(len(stream) - length, (batch_size,))
        inputs = torch.stack([stream[start : start + length] for start in starts]).to(device)
        targets = torch.stack([stream[start + 1 : start + 1 + length] for start in starts]).to(device)
        yield criterion(model(inputs).view(-1, data.classes), targets.view(-1))
