"""YellowFin's tuner: from the norms of gradients to a learning rate and a momentum.

Pure functions of Python numbers (float64). With b = `decay`, W = `window`, t = 0, 1, ... and z = 1 - b^(t+1), after the
gradient g of all parameters together, EPS being 1e-6 in the unit of what it is added to:

    h     =  ||g||^2
    h_min =  exp(average of log(min of the last W h + EPS) / z);  h_max likewise
    C     =  max(average of h / z - ||average of g||^2 / z^2, EPS)             gradient variance
    D     =  average of (average of ||g|| / (average of h + EPS)) / z          distance to the optimum
    p     =  (D + EPS)^2 (h_min + EPS)^2 / (2 (C + EPS));  y the real root of y^3 + p y + p in [-1, 0]
    r     =  max((h_max + EPS) / (h_min + EPS), 1 + EPS)
    mu    =  max((1 + y)^2, ((sqrt(r) - 1) / (sqrt(r) + 1))^2)
    lr    =  (1 - sqrt(mu))^2 / (h_min + EPS) * min(1, (t + 1) / (10 W))

Every average begins at 0 and moves by 1 - b. Source: YellowFin, arXiv 1706.03471; constants of its authors' tuner.
"""

from __future__ import annotations

import math
from typing import NamedTuple

EPS = 1e-6
WARMUP_WINDOWS = 10


class Averages(NamedTuple):
    """What the tuner remembers: `step` gradients seen, the last h's, and averages, none of them debiased."""

    step: int = 0
    recent: tuple[float, ...] = ()
    log_h_min: float = 0.0
    log_h_max: float = 0.0
    square_norm: float = 0.0
    norm: float = 0.0
    distance: float = 0.0
    momentum: float = 0.0
    lr: float = 0.0

    def h_max(self, decay: float) -> float:
        """The upper end of the curvature range after the last step, of which there must be one."""
        return math.exp(self.log_h_max / debias(self.step, decay))


class Measurements(NamedTuple):
    """The curvature range, the variance of the gradient and the distance to the optimum, all debiased."""

    h_min: float
    h_max: float
    variance: float
    distance: float


class Tuned(NamedTuple):
    """A momentum and a learning rate."""

    momentum: float
    lr: float


def debias(steps: int, decay: float) -> float:
    """The sum of the weights of an average after that many steps."""
    return 1 - decay**steps


def observe(averages: Averages, square_norm: float, decay: float, window: int) -> Averages:
    """Take in a gradient by its ||g||^2. The averages of momentum and lr stay as they are."""
    weight = 1 - decay
    recent = (*averages.recent, square_norm)[-window:]
    new_square = decay * averages.square_norm + weight * square_norm
    new_norm = decay * averages.norm + weight * math.sqrt(square_norm)
    return averages._replace(
        step=averages.step + 1,
        recent=recent,
        log_h_min=decay * averages.log_h_min + weight * math.log(min(recent) + EPS),
        log_h_max=decay * averages.log_h_max + weight * math.log(max(recent) + EPS),
        square_norm=new_square,
        norm=new_norm,
        distance=decay * averages.distance + weight * new_norm / (new_square + EPS),
    )


def measure(averages: Averages, square_norm_of_average: float, decay: float) -> Measurements:
    """Read the averages; `square_norm_of_average` is ||average of g||^2, not debiased."""
    z = debias(averages.step, decay)
    return Measurements(
        h_min=math.exp(averages.log_h_min / z),
        h_max=averages.h_max(decay),
        variance=max(averages.square_norm / z - square_norm_of_average / z**2, EPS),
        distance=averages.distance / z,
    )


def cubic_root(p: float) -> float:
    """The real root y of y^3 + p y + p = 0 for p >= 0, which lies in (-1, 0]; to a relative 1e-15.

    Vieta's y = w - p / (3 w) subtracts two near numbers where p is large; this is the same sum as a quotient,
    a + b = (a^3 + b^3) / (a^2 - a b + b^2), with nothing to cancel.
    """
    if p == 0:
        return 0.0
    p = min(p, 1e200)  # beyond, y is -1 to the last bit and w^3 would overflow
    w = (p * (1 + math.sqrt(1 + 4 * p / 27)) / 2) ** (1 / 3)
    return -p / (w * w + p / 3 + (p / (3 * w)) ** 2)


def single_step(measured: Measurements) -> Tuned:
    """The momentum and rate that minimize the expected distance after one step, within the robust region.

    There (1 - sqrt(mu))^2 <= lr h <= (1 + sqrt(mu))^2 for every curvature h of the range, and a quadratic converges
    by sqrt(mu) a step.
    """
    h_min = measured.h_min + EPS
    root_p = (measured.distance + EPS) * h_min / math.sqrt(2 * (measured.variance + EPS))
    spread = max((measured.h_max + EPS) / h_min, 1 + EPS)
    # 1 - sqrt(mu), taken directly: where sqrt(mu) is near 1, a difference would lose its digits.
    gap = min(-cubic_root(root_p * root_p), 2 / (math.sqrt(spread) + 1))
    return Tuned((1 - gap) ** 2, gap**2 / h_min)


def smooth(averages: Averages, tuned: Tuned, decay: float) -> tuple[Averages, Tuned]:
    """Average momentum and learning rate; returns the averages and, debiased, what they say."""
    weight, z = 1 - decay, debias(averages.step, decay)
    averages = averages._replace(
        momentum=decay * averages.momentum + weight * tuned.momentum,
        lr=decay * averages.lr + weight * tuned.lr,
    )
    return averages, Tuned(averages.momentum / z, averages.lr / z)


def warmed_up(tuned: Tuned, steps: int, window: int) -> Tuned:
    """A learning rate that grows over the first 10 windows, while the averages are still rough."""
    return tuned._replace(lr=tuned.lr * min(1.0, steps / (WARMUP_WINDOWS * window)))
