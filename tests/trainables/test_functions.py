"""The known functions are the published ones, and the steps of a run on them are counted exactly."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import optimizers
import trainables
from trainables import TrialSpec
from trainables.data.no_data import STEPS_PER_EPOCH
from trainables.training.training_run import Training, open_training
from trainables.workloads.functions import FUNCTIONS, STEPS_TO_TOLERANCE, TOLERANCE, Point

# As published, in torch: the other implementation. Ackley's and Rastrigin's in their general form over n coordinates.
PUBLISHED: dict[str, Callable[[Tensor], Tensor]] = {
    "rosenbrock": lambda p: 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2,
    "beale": lambda p: sum(
        ((c - p[0] * (1 - p[1] ** i)) ** 2 for i, c in ((1, 1.5), (2, 2.25), (3, 2.625))), start=torch.zeros(())
    ),
    "himmelblau": lambda p: (p[0] ** 2 + p[1] - 11) ** 2 + (p[0] + p[1] ** 2 - 7) ** 2,
    "ackley": lambda p: (
        -20 * torch.exp(-0.2 * p.square().mean().sqrt()) - torch.exp(torch.cos(2 * torch.pi * p).mean()) + 20 + torch.e
    ),
    "rastrigin": lambda p: 10 * len(p) + (p**2 - 10 * torch.cos(2 * torch.pi * p)).sum(),
}
# Values that can be looked up: More, Garbow and Hillstrom's starts, Himmelblau's hill, Ackley at (1, 1) and so on.
KNOWN = [
    ("rosenbrock", (-1.2, 1.0), 24.2),
    ("beale", (1.0, 1.0), 14.203125),
    ("himmelblau", (-0.270845, -0.923039), 181.616522),
    ("himmelblau", (0.0, 0.0), 170.0),
    ("ackley", (1.0, 1.0), 3.625384938),
    ("rastrigin", (1.0, 1.0), 2.0),
    ("rastrigin", (0.5, 0.5), 40.5),
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients_are_those_of_the_published_formula(name: str) -> None:
    function = FUNCTIONS[name]()
    generator = torch.Generator().manual_seed(0)
    for at in torch.rand(50, 2, generator=generator, dtype=torch.float64) * 10 - 5:
        point = at.clone().requires_grad_()
        expected = PUBLISHED[name](point)
        (slope,) = torch.autograd.grad(expected, point)
        value, gradient = function.derive(*at.tolist())
        assert value == pytest.approx(expected.item(), rel=1e-12)
        assert gradient == pytest.approx(tuple(slope.tolist()), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("name", "at", "value"), KNOWN)
def test_known_values(name: str, at: tuple[float, float], value: float) -> None:
    assert FUNCTIONS[name]().value(*at) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_minima_are_the_lowest_points_of_the_window_and_the_start_lies_in_it(name: str) -> None:
    function = FUNCTIONS[name]()
    (left, right), (bottom, top) = function.window
    for minimum in function.minima:
        value, gradient = function.derive(*minimum)
        assert 0 <= value < 1e-25
        assert math.hypot(*gradient) < 1e-12
        assert left < minimum[0] < right
        assert bottom < minimum[1] < top
    assert len(function.minima) == {"himmelblau": 4}.get(name, 1)
    across, up = torch.linspace(left, right, 60).tolist(), torch.linspace(bottom, top, 60).tolist()
    lowest = min((function.value(x, y), (x, y)) for x in across for y in up)
    assert lowest[0] > 0
    assert min(math.dist(lowest[1], minimum) for minimum in function.minima) < 0.2
    assert left < function.start[0] - function.spread < function.start[0] + function.spread < right
    assert bottom < function.start[1] - function.spread < function.start[1] + function.spread < top


def training(name: str, optimizer: str, seed: int = 3, epochs: int = 20, **hyperparameters: Any) -> Training:
    workload = trainables.get(f"function/{name}")
    spec = TrialSpec(workload.name, epochs, workload.batch_size, optimizer, hyperparameters, seed)
    return open_training(spec, workload.load_data(Path()), torch.device("cpu"))


def steps_by_hand(name: str, start: Tensor, optimizer: str, most: int, **hyperparameters: float) -> int | None:
    """The usual loop with autograd on the published formula."""
    point = start.clone().requires_grad_()
    built = optimizers.build(optimizer, [point], **hyperparameters)
    for step in range(1, most + 1):
        built.zero_grad()
        PUBLISHED[name](point).backward()
        built.step()
        if PUBLISHED[name](point).item() <= TOLERANCE:
            return step
    return None


REACHING = [
    ("rosenbrock", "adam", {"lr": 0.32}),
    ("rosenbrock", "sgd", {"lr": 1e-3, "momentum": 0.9}),
    ("beale", "adam", {"lr": 0.32}),
    ("beale", "sgd", {"lr": 0.02, "momentum": 0.5}),
    ("himmelblau", "adam", {"lr": 0.1}),
    ("himmelblau", "sgd", {"lr": 0.01}),
]
MISSING = [("ackley", "adam", {"lr": 0.1}), ("rastrigin", "sgd", {"lr": 1e-3})]


@pytest.mark.parametrize(("name", "optimizer", "settings"), REACHING)
def test_steps_are_counted_exactly(name: str, optimizer: str, settings: dict[str, Any]) -> None:
    run = training(name, optimizer, **settings)
    start = run.model.get_parameter("point").detach().clone()
    run.advance(10_000)
    counted = run.curve[-1][f"val/{STEPS_TO_TOLERANCE}"]
    assert counted == steps_by_hand(name, start, optimizer, run.total_steps, **settings)
    assert counted % STEPS_PER_EPOCH  # so a count at evaluations alone would be another
    assert run.test_metrics()[f"test/{STEPS_TO_TOLERANCE}"] == counted


@pytest.mark.parametrize(("name", "optimizer", "settings"), MISSING)
def test_a_miss_is_finite_and_worse_than_any_hit_and_the_nearer_one_is_better(
    name: str, optimizer: str, settings: dict[str, Any]
) -> None:
    run = training(name, optimizer, epochs=3, **settings)
    run.advance(10_000)
    last = run.curve[-1]
    assert last["val/loss"] > TOLERANCE
    assert last["val/steps_to_1e-6"] == pytest.approx(300 * (1 + math.log10(last["val/loss"] / 1e-6)))
    model = run.model
    assert isinstance(model, Point)
    with torch.no_grad():
        model.point.copy_(torch.tensor([1e-3, 1e-3]))
    nearer = run.workload.evaluate(model, run.data.validation)["steps_to_1e-6"]
    assert 300 < nearer < last["val/steps_to_1e-6"]


def test_the_distance_is_to_the_nearest_minimum() -> None:
    run = training("himmelblau", "sgd", lr=0.01)
    model = run.model
    assert isinstance(model, Point)
    for nearest in [(3, 2), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)]:
        with torch.no_grad():
            model.point.copy_(torch.tensor(nearest) + torch.tensor([0.3, -0.4]))
        assert run.workload.evaluate(model, run.data.validation)["distance"] == pytest.approx(0.5, abs=1e-5)


def test_the_count_survives_a_stop_at_any_step() -> None:
    """A run that is stopped again and again, in mid-epoch, between two epochs, and once it has counted."""
    whole, part = (training("beale", "adam", lr=0.32) for _ in range(2))
    whole.advance(10_000)
    for stop_at in (1, 57, 200, 299, 1150, 10_000):
        file = io.BytesIO()
        torch.save(part.state_dict(), file)
        file.seek(0)
        part = training("beale", "adam", lr=0.32)
        part.load_state_dict(torch.load(file, weights_only=True))
        part.advance(stop_at - part.step)
    assert part.weights_sha256() == whole.weights_sha256()
    curves = [[{**point, "timestamp": 0} for point in run.curve] for run in (part, whole)]
    assert curves[0] == curves[1]
    assert 57 < curves[0][-1]["val/steps_to_1e-6"] < 1150


def test_the_seed_draws_the_start_near_the_usual_one() -> None:
    runs = [training("rosenbrock", "adam", seed=seed, lr=0.1) for seed in range(20)]
    starts = [run.model.get_parameter("point").detach() for run in runs]
    offsets = torch.stack(starts) - torch.tensor([-1.2, 1.0], dtype=torch.float64)
    assert len({tuple(offset.tolist()) for offset in offsets}) == 20
    assert 0.3 < offsets.abs().max() <= 0.5
    assert starts[0].dtype == torch.float64


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_walk_that_leaves_every_scale_is_a_diverged_run_and_no_error(name: str) -> None:
    run = training(name, "sgd", lr=1e300)
    run.advance(10_000)
    # Ackley's function is nowhere above 23, and flat far away.
    assert run.diverged == (name != "ackley")
