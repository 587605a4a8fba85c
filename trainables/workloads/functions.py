"""function/rosenbrock, beale, himmelblau, ackley, rastrigin: a point in the plane walks down a known function.

The project's origin tried its rules on such functions first. There is no data and no noise: what differs between seeds
is the start. Every function here is at least 0, and 0 at its ``minima`` alone, so its loss is also the distance to the
least value. Values and gradients are written out and in plain numbers, because for two coordinates autograd would take
most of a step's time.
Throughput: 4,700 steps a second.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from trainables.data.no_data import SPREAD
from trainables.data.splits import Split
from trainables.workloads.workload import OneLoss

TOLERANCE = 1e-6
STEPS_TO_TOLERANCE = "steps_to_1e-6"

Pair = tuple[float, float]


class Point(nn.Module):
    """The parameter ``point`` (2,), float64 so that rounding does not decide who gets to 1e-6, and what is counted of
    it: buffers ``steps`` taken and ``reached``, the first step at which the loss was within ``TOLERANCE``, or -1.
    """

    steps: Tensor
    reached: Tensor

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.point = nn.Parameter(start)
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("reached", torch.tensor(-1))


class Function(OneLoss):
    """A function of (x, y), its ``minima``, the ``start`` that is usual, the ``window`` ((left, right), (bottom, top))
    in which it is drawn, and the ``source`` of formula and start.

    The start of a run is drawn evenly from the square that reaches ``spread`` to every side of ``start``.

    Metrics: ``loss``, ``distance`` to the nearest minimum, and ``steps_to_1e-6``, the first step after which the loss
    was at most 1e-6, exact to the step. A run that misses it counts its steps once more for every decade that it lacks:
    so a miss is finite, is worse than any hit of an equal budget, and tells a search which of two misses was nearer.
    """

    minima: ClassVar[tuple[Pair, ...]]
    start: ClassVar[Pair]
    window: ClassVar[tuple[Pair, Pair]]
    source: ClassVar[str]
    watches_steps = True

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.spread = self.options.get("spread", SPREAD)

    @staticmethod
    @abstractmethod
    def derive(x: float, y: float) -> tuple[float, Pair]:
        """The value and the gradient at (x, y), both finite."""

    def value(self, x: float, y: float) -> float:
        """The value at (x, y); nan where a coordinate is not finite."""
        return self._derive(x, y)[0]

    def _derive(self, x: float, y: float) -> tuple[float, Pair]:
        # Python's cosine raises for an infinite angle; a walk that went that far is told nan, as torch would.
        return self.derive(x, y) if math.isfinite(x) and math.isfinite(y) else (math.nan, (math.nan, math.nan))

    def build_model(self, classes: int) -> Point:
        offset = (2 * torch.rand(2, dtype=torch.float64) - 1) * self.spread
        return Point(torch.tensor(self.start, dtype=torch.float64) + offset)

    def loss(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        return _Evaluated.apply(_as_point(model).point, self._derive)  # pyright: ignore[reportReturnType]

    def after_step(self, model: nn.Module, step: int) -> None:
        walk = _as_point(model)
        walk.steps.fill_(step)
        if walk.reached.item() < 0 and self.value(*walk.point.tolist()) <= TOLERANCE:
            walk.reached.fill_(step)

    def evaluate(self, model: nn.Module, split: Split) -> dict[str, float]:
        walk = _as_point(model)
        here = walk.point.tolist()
        loss, steps, reached = self.value(*here), int(walk.steps), int(walk.reached)
        missing = math.log10(max(loss / TOLERANCE, 1.0)) if math.isfinite(loss) else math.nan
        return {
            "loss": loss,
            STEPS_TO_TOLERANCE: reached if reached >= 0 else steps * (1 + missing),
            "distance": min(math.dist(here, minimum) for minimum in self.minima),
        }


class _Evaluated(torch.autograd.Function):
    """Hands a value and a gradient that are known in plain numbers to autograd."""

    @staticmethod
    def forward(ctx: Any, point: Tensor, derive: Any) -> Tensor:
        value, gradient = derive(*point.tolist())
        ctx.gradient = point.new_tensor(gradient)
        return point.new_tensor(value)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        return upstream[0] * ctx.gradient, None


def _as_point(model: nn.Module) -> Point:
    assert isinstance(model, Point)
    return model


class Rosenbrock(Function):
    """(1 - x)^2 + 100 (y - x^2)^2: a bent valley, far narrower than it is long."""

    minima = ((1.0, 1.0),)
    start = (-1.2, 1.0)
    window = ((-2.0, 2.0), (-1.0, 3.0))
    source = "Rosenbrock 1960, The Computer Journal 3; start of the paper"

    @staticmethod
    def derive(x: float, y: float) -> tuple[float, Pair]:
        rest, height = 1 - x, y - x * x
        return rest * rest + 100 * height * height, (-2 * rest - 400 * x * height, 200 * height)


class Beale(Function):
    """(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2: flat around its minimum, steep at the corners."""

    minima = ((3.0, 0.5),)
    start = (1.0, 1.0)
    window = ((-0.5, 4.5), (-2.0, 2.0))
    source = "Beale 1958; start of More, Garbow and Hillstrom 1981, ACM Trans. Mathematical Software 7, problem 5"

    @staticmethod
    def derive(x: float, y: float) -> tuple[float, Pair]:
        square, cube = y * y, y * y * y
        first, second, third = 1.5 - x + x * y, 2.25 - x + x * square, 2.625 - x + x * cube
        by_x = 2 * (first * (y - 1) + second * (square - 1) + third * (cube - 1))
        by_y = 2 * x * (first + 2 * y * second + 3 * square * third)
        return first * first + second * second + third * third, (by_x, by_y)


class Himmelblau(Function):
    """(x^2 + y - 11)^2 + (x + y^2 - 7)^2: four minima, all equal; the usual start lies near the hill between them."""

    minima = (
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.283185991286170),
        (3.584428340330492, -1.848126526964404),
    )
    start = (0.0, 0.0)
    window = ((-5.0, 5.0), (-5.0, 5.0))
    source = "Himmelblau 1972, Applied Nonlinear Programming; start at the origin, among the four"

    @staticmethod
    def derive(x: float, y: float) -> tuple[float, Pair]:
        first, second = x * x + y - 11, x + y * y - 7
        return first * first + second * second, (4 * x * first + 2 * second, 2 * first + 4 * y * second)


class Ackley(Function):
    """-20 exp(-0.2 r / sqrt 2) - exp((cos 2 pi x + cos 2 pi y) / 2) + 20 + e, r the distance to 0: dimples on a funnel.

    It ends in a point and not in a bowl, so its gradient does not fade: a constant step size hops around the minimum.
    The gradient at the point itself, which has none, is given as 0.
    """

    minima = ((0.0, 0.0),)
    start = (2.4, -1.7)
    window = ((-3.5, 3.5), (-3.5, 3.5))
    source = "Ackley 1987, A Connectionist Machine for Genetic Hillclimbing; start three dimples away"

    @staticmethod
    def derive(x: float, y: float) -> tuple[float, Pair]:
        turn, radius = 2 * math.pi, math.hypot(x, y)
        funnel = 20 * math.exp(-0.2 * radius / math.sqrt(2))
        dimples = math.exp((math.cos(turn * x) + math.cos(turn * y)) / 2)
        slope = 0.2 * funnel / (math.sqrt(2) * radius) if radius else 0.0
        by_x, by_y = (slope * at + math.pi * math.sin(turn * at) * dimples for at in (x, y))
        return 20 - funnel + (math.e - dimples), (by_x, by_y)


class Rastrigin(Function):
    """20 + x^2 - 10 cos 2 pi x + y^2 - 10 cos 2 pi y: a bowl with a local minimum near every whole number."""

    minima = ((0.0, 0.0),)
    start = (2.3, 1.6)
    window = ((-1.5, 3.5), (-1.5, 3.5))
    source = "Rastrigin 1974, Systems of Extremal Control; start two wells away"

    @staticmethod
    def derive(x: float, y: float) -> tuple[float, Pair]:
        turn = 2 * math.pi
        value = sum(at * at + 10 * (1 - math.cos(turn * at)) for at in (x, y))
        by_x, by_y = (2 * at + 10 * turn * math.sin(turn * at) for at in (x, y))
        return value, (by_x, by_y)


FUNCTIONS = {function.__name__.lower(): function for function in (Rosenbrock, Beale, Himmelblau, Ackley, Rastrigin)}
"""Class by name, from the easier to the harder."""
