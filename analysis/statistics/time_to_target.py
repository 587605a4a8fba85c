"""Time and steps to a target; a run that misses it never reaches it, which counts as infinity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimizers import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

RUN = ["run_id", "arm", "workload", "study", "seed"]


def median_steps(steps: Sequence[float | None]) -> float | None:
    """Median of the steps to the target; None in `steps` is a run that missed it and counts as infinity.

    Infinity ("never") when at least half of the runs missed; None when there are no runs.
    """
    if not steps:
        return None
    ordered = sorted(math.inf if step is None else float(step) for step in steps)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def reached_share(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of runs that have reached the target by x, as the corners of a step function (`where="post"`).

    `values` are the steps or seconds of each run, infinite (or NaN) for a miss. x begins at 0 and has every value at
    which a run arrives; the share is of all runs, so it ends below 1 where some missed. Raises InputError where there
    are no runs.
    """
    reached = np.asarray(values, dtype=float)
    if not reached.size:
        raise InputError("The share of runs that reached a target needs at least one run.")
    x = np.unique(np.append(0.0, reached[np.isfinite(reached)]))
    return x, np.searchsorted(np.sort(reached), x, side="right") / reached.size


def time_to_target(curves: DataFrame, metric: str, goal: str, target: float) -> DataFrame:
    """The first evaluation of each run at which `metric` was at `target` or better.

    `curves` has a row an evaluation (run_id, arm, workload, study, seed, step, seconds, metrics). The result has a row
    a run, in the order of `curves`: run_id, arm, workload, study, seed, steps_to_target (optimizer steps) and
    seconds_to_target (since the run's start), both infinite for a miss. A run that was stopped early counts as one
    that missed, so choose the runs, usually the confirmations, before.

    Raises InputError for a metric that is not in `curves`, or a goal that is neither "minimize" nor "maximize".
    """
    if metric not in curves:
        raise InputError(f'The curves have no metric "{metric}".')
    if goal not in ("minimize", "maximize"):
        raise InputError(f'The goal must be "minimize" or "maximize", not "{goal}".')
    reached = curves[metric] <= target if goal == "minimize" else curves[metric] >= target
    first = curves[reached].sort_values("step").drop_duplicates("run_id").set_index("run_id")
    runs = curves[RUN].drop_duplicates("run_id", ignore_index=True)
    for name, column in (("steps_to_target", "step"), ("seconds_to_target", "seconds")):
        runs[name] = runs["run_id"].map(first[column].astype(float)).fillna(np.inf)
    return runs
