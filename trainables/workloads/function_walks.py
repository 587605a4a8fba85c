"""The way that each optimizer takes down a known function, at the best of a few learning rates; as plain arrays.

Every rate is tried from the function's usual start, for ``STEPS`` steps, with the optimizer's other defaults. The best
is the one that needs the fewest steps to ``TOLERANCE``; where none gets there, the one that ends lowest, and of those
that end in one place the largest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

import optimizers
from optimizers import InputError, did_you_mean
from optimizers.errors import one_line
from trainables.data.no_data import STEPS_PER_EPOCH
from trainables.workloads.functions import FUNCTIONS, TOLERANCE, Function, Pair

STEPS = 2000
# Two an order of magnitude: 1e-4, 3.2e-4, ... 1.
RATES = tuple(float(f"{10 ** (half / 2):.2g}") for half in range(-8, 1))
METHOD = (
    f"Each optimizer at the best of {len(RATES)} learning rates from {RATES[0]:g} to {RATES[-1]:g}, its other settings "
    f"at their defaults; at most {STEPS:,} steps, until f <= 1e-6."
)
GRID = 200


@dataclass(frozen=True)
class Trajectory:
    """One optimizer's way: ``points`` (steps + 1, 2) from the start on, of the weights that one would evaluate.

    ``loss`` is that of the last point; ``steps`` is the number of steps to ``TOLERANCE``, where the path ends, or None
    for a miss. A path that left the function's scale is ``diverged``. ``error`` says why there is no path at all.
    """

    optimizer: str
    lr: float
    points: np.ndarray
    loss: float
    steps: int | None = None
    diverged: bool = False
    error: str = ""


@dataclass(frozen=True)
class Landscape:
    """A function to draw paths on: ``heights`` (GRID, GRID) are its values over ``window``, rows from bottom to top."""

    name: str
    formula: str
    minima: tuple[Pair, ...]
    start: Pair
    window: tuple[Pair, Pair]
    heights: np.ndarray


def landscape(name: str) -> Landscape:
    """The function of that name, for drawing. Raises InputError, with the nearest name, when there is none."""
    function = _function(name)
    across, up = (np.linspace(*side, GRID) for side in function.window)
    formula, _, _ = (type(function).__doc__ or "").partition(":")
    heights = np.array([[function.value(float(x), float(y)) for x in across] for y in up])
    return Landscape(name, formula, function.minima, function.start, function.window, heights)


def trajectory(name: str, optimizer: str) -> Trajectory:
    """The path of the best of ``RATES`` on the function of that name. Raises InputError: unknown names."""
    function, best = _function(name), None
    optimizers.get(optimizer)
    # From the largest down, as it is found soon then: a rate that takes more steps than the best need not be walked on.
    for lr in reversed(RATES):
        path = _guarded_walk(function, optimizer, lr, STEPS if best is None or best.steps is None else best.steps)
        if best is None or _rank(path) < _rank(best):
            best = path
    assert best is not None
    return best


def _rank(path: Trajectory) -> tuple[float, float, bool]:
    # Three digits: how two paths to the bottom of one well are rounded must not choose between them.
    ends_at = math.inf if path.diverged or path.error else float(f"{path.loss:.3g}")
    return math.inf if path.steps is None else path.steps, ends_at, bool(path.error)


def _guarded_walk(function: Function, optimizer: str, lr: float, most_steps: int) -> Trajectory:
    """A walk, or the reason why this optimizer cannot take it: the others are still to be seen."""
    try:
        return walk(function, optimizer, lr, most_steps)
    except Exception as error:  # noqa: BLE001 - an optimizer may raise anything
        reason = f"{type(error).__name__}: {one_line(error)}"
        return Trajectory(optimizer, lr, np.array([function.start]), math.nan, error=reason)


def walk(function: Function, optimizer: str, lr: float, most_steps: int = STEPS) -> Trajectory:
    """At most ``most_steps`` steps at one learning rate, as ``Training`` takes them but without its bookkeeping."""
    entry = optimizers.get(optimizer)
    point = torch.nn.Parameter(torch.tensor(function.start, dtype=torch.float64))
    settings = entry.with_budget(dict.fromkeys(entry.learning_rates, lr), steps=STEPS, epochs=STEPS // STEPS_PER_EPOCH)
    built = optimizers.build(optimizer, [point], **settings)
    set_epoch = getattr(built, "set_epoch", None)
    points = [function.start]
    limit = function.highest_loss(function.value(*function.start))
    loss = math.nan
    for step in range(1, most_steps + 1):
        if set_epoch is not None and step % STEPS_PER_EPOCH == 1:
            set_epoch(step // STEPS_PER_EPOCH + 1)
        _, gradient = function.derive(*point.tolist())
        point.grad = torch.tensor(gradient, dtype=torch.float64)
        built.step()
        x, y = _evaluated(built, point, entry.averages_weights)
        points.append((x, y))
        loss = function.value(x, y)
        if not loss <= limit:
            return Trajectory(optimizer, lr, np.array(points), loss, diverged=True)
        if loss <= TOLERANCE:
            return Trajectory(optimizer, lr, np.array(points), loss, steps=step)
    return Trajectory(optimizer, lr, np.array(points), loss)


def _evaluated(optimizer: torch.optim.Optimizer, point: torch.Tensor, averages_weights: bool) -> Pair:
    """The point that an evaluation would see."""
    if averages_weights:
        optimizer.eval()  # pyright: ignore[reportAttributeAccessIssue]
    x, y = point.tolist()
    if averages_weights:
        optimizer.train()  # pyright: ignore[reportAttributeAccessIssue]
    return x, y


def _function(name: str) -> Function:
    if name not in FUNCTIONS:
        raise InputError(
            f'no function is called "{name}"; there are {", ".join(FUNCTIONS)}.{did_you_mean(name, FUNCTIONS)}'
        )
    return FUNCTIONS[name]()
