"""Training throughput of mlp/mnist against the loop that PyTorch's tutorials teach, both on one thread."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks.report import Goal, median_and_range, table

BATCH_SIZE = 64
ROUNDS = 9
# A tenth of an epoch of 860 steps; ten rounds with the first, which warms up, end before an evaluation is due.
STEPS = 85


def main() -> list[Goal]:
    """Let the loops take turns with a tenth of an epoch each, print both, and return the goal."""
    root = os.environ.get("ADAMANT_DATA")
    if not root:
        print("Skipped: it needs MNIST; set ADAMANT_DATA to a folder that holds MNIST/raw.")
        return []
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["ADAMANT_CACHE"] = cache
            times = _measure({"adamant": _adamant(Path(root)), "DataLoader and transforms": _tutorial(root)})
    finally:
        torch.set_num_threads(threads)
    ours, theirs = times.values()
    print(f"mlp/mnist, batches of {BATCH_SIZE}, training without evaluation; {ROUNDS} interleaved rounds of a tenth of")
    print("an epoch each, in milliseconds a step, median [least, greatest]:\n")
    print(table(("", "a step", "ratio"), [
        (name, median_and_range([1e3 * each for each in seconds]), f"{median(seconds) / median(ours):.2f}")
        for name, seconds in times.items()
    ]), end="\n\n")  # fmt: skip
    goal = Goal("the tutorials' loop / adamant, an epoch of MNIST", median(theirs) / median(ours), "at least", 3.0)
    print(goal)
    return [goal]


def _measure(loops: dict[str, Callable[[int], None]]) -> dict[str, list[float]]:
    """Seconds a step of every round after the first; a loop is called with the number of steps to train."""
    times: dict[str, list[float]] = {name: [] for name in loops}
    for round_number in range(ROUNDS + 1):
        for name, train in loops.items():
            started = time.perf_counter()
            train(STEPS)
            if round_number > 0:
                times[name].append((time.perf_counter() - started) / STEPS)
    return times


def _adamant(root: Path) -> Callable[[int], None]:
    import torch

    import trainables
    from trainables.training import open_training

    entry = trainables.get("mlp/mnist")
    spec = trainables.TrialSpec(entry.name, 1, BATCH_SIZE, "adam", {"lr": 1e-3}, seed=0)
    return open_training(spec, entry.load_data(root), torch.device("cpu")).advance


def _tutorial(root: str) -> Callable[[int], None]:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    loader = DataLoader(datasets.MNIST(root, train=True, transform=transform), batch_size=BATCH_SIZE, shuffle=True)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512), nn.ReLU(),
        nn.Linear(512, 256), nn.ReLU(),
        nn.Linear(256, 64), nn.ReLU(),
        nn.Linear(64, 10),
    )  # fmt: skip
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def epoch() -> Iterator[float]:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            yield loss.item()

    steps = epoch()

    def train(count: int) -> None:
        for _ in range(count):
            next(steps)

    return train
