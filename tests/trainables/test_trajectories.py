"""Paths over known functions are those of a plain loop, at the best of all learning rates that are tried."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import optimizers
import trainables
from optimizers import InputError
from trainables import TrialSpec
from trainables.training.training_run import Training
from trainables.workloads import function_walks
from trainables.workloads.function_walks import RATES, STEPS, landscape, trajectory, walk
from trainables.workloads.functions import FUNCTIONS, Beale, Rosenbrock


@pytest.mark.parametrize("name", optimizers.names())
def test_a_walk_is_the_training_of_the_workload_step_by_step(name: str) -> None:
    """Whatever schedules of steps or epochs the optimizer has; 250 steps are two and a half epochs."""
    function = Rosenbrock({"spread": 0})
    workload = trainables.get("function/rosenbrock")
    spec = TrialSpec(workload.name, workload.epochs, workload.batch_size, name, {"lr": 1e-3}, seed=1)
    run = Training(spec, function, workload.check_training({}), workload.load_data(Path()), torch.device("cpu"))
    assert run.total_steps == STEPS
    run.advance(250)
    walked = walk(function, name, 1e-3, 250)
    assert walked.points[0].tolist() == [-1.2, 1.0]
    assert walked.points.shape == (251, 2)
    with run.weights_for_use():
        assert walked.points[-1].tolist() == run.model.get_parameter("point").tolist()
        assert walked.loss == run.workload.evaluate(run.model, run.data.validation)["loss"]


def test_a_path_ends_at_the_first_step_within_the_tolerance() -> None:
    function = Beale()
    path = walk(function, "adam", 0.32)
    losses = [function.value(*point) for point in path.points.tolist()]
    assert path.steps == len(path.points) - 1
    assert losses[-1] == path.loss <= 1e-6 < min(losses[:-1])


@pytest.mark.parametrize(("name", "optimizer"), [("beale", "adam"), ("himmelblau", "sgd"), ("rosenbrock", "sgd")])
def test_the_best_rate_is_the_best_of_full_walks(name: str, optimizer: str) -> None:
    full = [walk(FUNCTIONS[name](), optimizer, lr) for lr in RATES]
    fewest = min((path.steps for path in full if path.steps is not None), default=None)
    lowest = min(path.loss for path in full if not path.diverged)
    best = trajectory(name, optimizer)
    assert best.steps == fewest
    if fewest is None:
        assert best.loss == pytest.approx(lowest, rel=1e-2)
    assert np.array_equal(best.points, walk(FUNCTIONS[name](), optimizer, best.lr).points)


def test_a_path_out_of_scale_ends_as_diverged() -> None:
    path = walk(Rosenbrock(), "sgd", 1.0)
    assert path.diverged
    assert path.steps is None
    assert len(path.points) < 10


def test_an_optimizer_that_fails_is_shown_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Picky(torch.optim.SGD):
        def step(self, closure: object = None) -> None:
            raise RuntimeError("wants a\nmatrix")

    monkeypatch.setattr(optimizers, "build", lambda _name, params, **_: Picky(params))
    path = trajectory("beale", "adam")
    assert path.error == "RuntimeError: wants a matrix"
    assert path.points.tolist() == [[1.0, 1.0]]


def test_averaged_weights_are_what_a_path_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an optimizer that trains at twice the point that it would have evaluated."""

    class Doubling(torch.optim.SGD):
        training = True

        def eval(self) -> None:
            assert self.training
            self.training = False
            self.param_groups[0]["params"][0].data.div_(2)

        def train(self) -> None:
            assert not self.training
            self.training = True
            self.param_groups[0]["params"][0].data.mul_(2)

    entry = optimizers.get("sgd")
    plain = walk(Rosenbrock(), "sgd", 1e-4, 20)
    monkeypatch.setattr(function_walks.optimizers, "get", lambda _: _with(entry, averages_weights=True))
    monkeypatch.setattr(optimizers, "build", lambda _name, params, lr: Doubling(params, lr))
    averaged = walk(Rosenbrock(), "sgd", 1e-4, 20)
    assert averaged.points[1:] == pytest.approx(plain.points[1:] / 2)


def _with(entry: optimizers.OptimizerEntry, **changes: object) -> optimizers.OptimizerEntry:
    from dataclasses import replace

    return replace(entry, **changes)  # pyright: ignore[reportArgumentType]


def test_a_landscape_has_its_rows_from_bottom_to_top() -> None:
    ground = landscape("beale")
    (left, right), (bottom, _) = ground.window
    assert ground.heights[0, 0] == Beale().value(left, bottom)
    assert ground.heights[0, -1] == Beale().value(right, bottom)
    assert ground.formula == "(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2"


def test_unknown_names_get_the_nearest_one() -> None:
    with pytest.raises(InputError, match='Did you mean "rosenbrock"'):
        landscape("rosenbrok")
    with pytest.raises(InputError, match="adma"):
        trajectory("beale", "adma")
