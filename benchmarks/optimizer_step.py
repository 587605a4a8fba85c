"""Time of one optimizer step as a ratio to `torch.optim.Adam(fused=True)`, on the CPU with one thread.

The optimizers take turns, so that a machine that slows down slows all of them; a ratio is one of medians.

    python -m benchmarks optimizer_step
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.report import Goal, table
from optimizers.moment_adam import MomentAdam

Shapes = list[tuple[int, ...]]

BASELINE, JUDGED = "Adam fused", "MomentAdam"
SCHEDULES: dict[str, Any] = {
    "beta1_schedule": {"kind": "demon", "total": 1_000_000},
    "beta2_schedule": {"kind": "cosine", "to": 0.99, "stop": 1_000_000},
}
OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    BASELINE: lambda p: torch.optim.Adam(p, fused=True),
    "Adam loop": lambda p: torch.optim.Adam(p, foreach=False),
    "Adam foreach": lambda p: torch.optim.Adam(p, foreach=True),
    "MomentAdam": MomentAdam,
    "MomentAdam, scheduled betas": lambda p: MomentAdam(p, **SCHEDULES),
    "MomentAdam foreach": lambda p: MomentAdam(p, implementation="foreach"),
}


def resnet18_shapes() -> Shapes:
    """The 62 tensors of a ResNet-18 for 32x32 images in 10 classes: 11.17 million parameters."""
    shapes: Shapes = [(64, 3, 3, 3), (64,), (64,)]
    channels = 64
    for width in (64, 128, 256, 512):
        for block in range(2):
            for inputs in (channels, width):
                shapes += [(width, inputs, 3, 3), (width,), (width,)]
            if block == 0 and channels != width:
                shapes += [(width, channels, 1, 1), (width,), (width,)]
            channels = width
    return [*shapes, (10, 512), (10,)]


def mlp_shapes() -> Shapes:
    """A fully connected net 784-120-48-10: 6 tensors, 100 thousand parameters."""
    return [(120, 784), (120,), (48, 120), (48,), (10, 48), (10,)]


def measure(rounds: int = 25) -> list[dict[str, Any]]:
    """One row for each model and optimizer.

    Keys: `model`, `optimizer`, `microseconds` (median of a step), and to the baseline's `ratio` (of medians)
    and `best_ratio` (of the fastest rounds).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [
            *_rows("ResNet-18", resnet18_shapes(), rounds, steps=1),
            *_rows("MLP", mlp_shapes(), rounds, steps=100),
        ]
    finally:
        torch.set_num_threads(threads)


def _rows(model: str, shapes: Shapes, rounds: int, steps: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    params = [nn.Parameter(0.05 * torch.randn(shape, generator=generator)) for shape in shapes]
    for p in params:
        p.grad = 0.01 * torch.randn(p.shape, generator=generator)
    contenders = {name: make(params) for name, make in OPTIMIZERS.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(rounds + 2):
        for name, optimizer in contenders.items():
            start = time.perf_counter()
            for _ in range(steps):
                optimizer.step()
            if round_number >= 2:  # the first rounds fill caches and create the state
                times[name].append((time.perf_counter() - start) / steps)
    baseline = times[BASELINE]
    return [
        {
            "model": model,
            "optimizer": name,
            "microseconds": 1e6 * statistics.median(seconds),
            "ratio": statistics.median(seconds) / statistics.median(baseline),
            "best_ratio": min(seconds) / min(baseline),
        }
        for name, seconds in times.items()
    ]


def main() -> list[Goal]:
    """Print the rows as a table, and return a goal for each model."""
    rows = measure()
    cells = [
        (
            f"{row['model']}, {row['optimizer']}",
            f"{row['microseconds']:.0f}",
            f"{row['ratio']:.2f}",
            f"{row['best_ratio']:.2f}",
        )
        for row in rows
    ]
    print(f"One step on one thread; ratios to {BASELINE}, of the medians and of the fastest rounds:\n")
    print(table(("", "us a step", "ratio", "of fastest"), cells), end="\n\n")
    goals = [
        Goal(f"{JUDGED} step / {BASELINE}, {row['model']}", row["ratio"], "at most", 1.0)
        for row in rows
        if row["optimizer"] == JUDGED
    ]
    print(*goals, sep="\n")
    return goals
