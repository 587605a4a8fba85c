"""Which trials of a search are stopped early, by the metric of the trials before them and never by the clock.

A trial that has come to a decision, an epoch at which its fate is decided, is compared with the trials of lower number
that came as far, all of them and no others. So what is stopped follows from the trials alone: not from how many run at
once, nor from which of them is faster. Values are smaller where they are better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from search_spaces.schema.sweep_file import Scheduler

# More of them in a trial would cost more than they save.
MOST_DECISIONS = 50
# The median of fewer says little.
FEWEST_FOR_A_MEDIAN = 5
# Multiples of it, without their whole part, spread evenly over [0, 1) however many there are.
_GOLDEN = (math.sqrt(5) - 1) / 2


class StoppingRule(Protocol):
    """When a trial of a search is stopped."""

    @property
    def epochs(self) -> list[int]:
        """Return the epochs before the last at which a trial may be stopped."""
        ...

    def stops(self, number: int, epoch: int, values: Mapping[int, float], earlier: Mapping[int, float]) -> bool:
        """Return whether the trial of this number stops after the epoch.

        ``values`` are its own at the decisions so far, by epoch; ``earlier`` those after this epoch of the trials of
        lower number, by number.
        """
        ...


def stopping_rule(scheduler: Scheduler, evaluations: int) -> StoppingRule:
    """Return the rule of a sweep's scheduler for trials of so many epochs, or evaluations."""
    match scheduler.type:
        case "asha":
            return Halving(scheduler.grace, scheduler.eta, evaluations)
        case "hyperband":
            return Hyperband(scheduler.grace, scheduler.eta, evaluations)
        case "median":
            return Median(scheduler.grace, evaluations)
    return RunToTheEnd()


@dataclass(frozen=True)
class RunToTheEnd:
    """Stops nothing."""

    @property
    def epochs(self) -> list[int]:
        """Return none."""
        return []

    def stops(self, number: int, epoch: int, values: Mapping[int, float], earlier: Mapping[int, float]) -> bool:
        """Return False."""
        return False


@dataclass(frozen=True)
class Halving:
    """Successive halving: at each rung ``grace * eta^k`` about one trial in ``eta`` goes on.

    The rule of ASHA, Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020: a trial need not
    wait for its rung to fill, as it is compared with those that are there.
    """

    grace: int
    eta: int
    evaluations: int

    @property
    def epochs(self) -> list[int]:
        """Return the rungs."""
        return _powers(self.grace, self.eta, self.evaluations)

    def stops(self, number: int, epoch: int, values: Mapping[int, float], earlier: Mapping[int, float]) -> bool:
        """Return whether the value is beyond the best ``1 / eta`` of the earlier ones; the first never is."""
        return bool(earlier) and values[epoch] > float(np.percentile([*earlier.values()], 100 / self.eta))


@dataclass(frozen=True)
class Hyperband(Halving):
    """Brackets of successive halving, of which each begins one rung later than the one before.

    A trial's bracket follows from its number, so that each bracket gets about the same budget. Li et al., "Hyperband:
    A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 18 (2018).
    """

    def bracket(self, number: int) -> int:
        """Return the bracket of a trial: how many of the first rungs it leaves out."""
        count = len(self.epochs) + 1  # the last bracket has no rung before its end
        # So many trials of a bracket cost as much as those of another.
        shares = np.array([self.eta ** (count - 1 - left_out) / (count - left_out) for left_out in range(count)])
        place = number * _GOLDEN % 1
        return int(np.searchsorted(np.cumsum(shares / shares.sum()), place, side="right").clip(0, count - 1))

    def stops(self, number: int, epoch: int, values: Mapping[int, float], earlier: Mapping[int, float]) -> bool:
        """Return whether halving stops the trial within its bracket."""
        own = self.bracket(number)
        if epoch < self.grace * self.eta**own:
            return False
        beside = {other: value for other, value in earlier.items() if self.bracket(other) == own}
        return super().stops(number, epoch, values, beside)


@dataclass(frozen=True)
class Median:
    """Stops a trial whose best value so far is worse than the median of the others after the same epoch.

    Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.
    """

    grace: int
    evaluations: int

    @property
    def epochs(self) -> list[int]:
        """Return every epoch from ``grace`` on, or of a long trial as many as are worth a message each."""
        return list(range(self.grace, self.evaluations, max(1, self.evaluations // MOST_DECISIONS)))

    def stops(self, number: int, epoch: int, values: Mapping[int, float], earlier: Mapping[int, float]) -> bool:
        """Return whether it is worse than half of the others, where there are enough of them."""
        best = min(value for at, value in values.items() if at <= epoch)
        return len(earlier) >= FEWEST_FOR_A_MEDIAN and best > float(np.median([*earlier.values()]))


def _powers(grace: int, eta: int, evaluations: int) -> list[int]:
    rungs = []
    while grace < evaluations:
        rungs.append(grace)
        grace *= eta
    return rungs
