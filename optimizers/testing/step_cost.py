"""What a step of an optimizer costs: its time as a ratio to torch's fused Adam, and the bytes of its state."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

Shapes = list[tuple[int, ...]]
Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]

BASELINE, AGAIN = "Adam fused", "Adam fused, a second one"
# Enough that reading the clock does not count, and little enough that all take their turn under the same conditions.
TURN_SECONDS = 0.1


class Figures(NamedTuple):
    """Of one optimizer at one size: microseconds a step, its ratio to the baseline's, state in bytes a parameter."""

    microseconds: float
    ratio: float
    state_bytes: float


def measure(
    contenders: Mapping[str, Make], shapes: Shapes, device: str = "cpu", rounds: int = 15
) -> dict[str, Figures]:
    """Return the figures of each contender, which take turns of some milliseconds; ratios are of medians.

    Two baselines take part, at the start and at the end of each round: it matters where in memory an optimizer's state
    came to lie and what ran before it, and their own ratios show how much.
    """
    contenders = {BASELINE: _adam, **contenders, AGAIN: _adam}
    generator = torch.Generator().manual_seed(0)
    params = [nn.Parameter(0.05 * torch.randn(shape, generator=generator).to(device)) for shape in shapes]
    size = sum(p.numel() for p in params)
    for p in params:
        p.grad = 0.01 * torch.randn(p.shape, generator=generator).to(device)
    built = {name: make(params) for name, make in contenders.items()}
    most = max(1 if device == "cpu" else 20, 2_000_000 // size)
    # The first steps fill caches, create the state and build kernels.
    steps = {}
    for name, optimizer in built.items():
        _seconds(optimizer, 1, device)
        steps[name] = min(most, max(1, round(TURN_SECONDS / _seconds(optimizer, 1, device))))
        _seconds(optimizer, steps[name], device)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, optimizer in built.items():
            times[name].append(_seconds(optimizer, steps[name], device) / steps[name])
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    baseline = statistics.median([*times[BASELINE], *times[AGAIN]])
    return {
        name: Figures(1e6 * median, median / baseline, state_bytes(built[name]) / size)
        for name, median in medians.items()
    }


def measure_one(name: str, make: Make, shapes: Shapes) -> dict[str, Figures]:
    """Return the figures of one optimizer and of the baseline, by their names, on one thread of the CPU."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = measure({name: make}, shapes, rounds=9)
    finally:
        torch.set_num_threads(threads)
    one, baseline = found[name], found[BASELINE]
    # Of both of its turns, as the ratio is.
    return {name: one, BASELINE: baseline._replace(microseconds=one.microseconds / one.ratio, ratio=1.0)}


def wait_for(device: str) -> None:
    """Return when the device has done all it was given: before a clock is read."""
    if device == "cuda":
        torch.cuda.synchronize()


def state_bytes(value: Any) -> int:
    """Return the bytes of every tensor in an optimizer's state."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, torch.optim.Optimizer):
        return state_bytes({key: part for key, part in value.state_dict().items() if key != "param_groups"})
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return sum(map(state_bytes, members))


def _seconds(optimizer: torch.optim.Optimizer, steps: int, device: str) -> float:
    wait_for(device)
    start = time.perf_counter()
    for _ in range(steps):
        optimizer.step()
    wait_for(device)
    return time.perf_counter() - start


def _adam(params: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adam(params, fused=True)
