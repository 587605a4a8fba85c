"""Performance profiles: how often each arm is near the best, over several workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optimizers import InputError

if TYPE_CHECKING:
    from pandas import DataFrame


def performance_profile(costs: DataFrame) -> DataFrame:
    """The share of workloads on which an arm's cost is within a ratio of the best arm's.

    `costs` has a row a workload and a column an arm: what it took, for example steps to the target; infinite (or NaN)
    for a miss. The result is a step function for each arm: the index `ratio` begins at 1 and holds every finite ratio
    that occurs, the columns are the arms. At ratio 1 stands how often the arm was the best (ties count for all), at
    the end how often it reached the target. A workload that no arm reached stays in the denominator.

    Raises InputError where there are no workloads, or a cost is not positive: no ratio can then be formed.

    Source: E. D. Dolan, J. J. More, "Benchmarking optimization software with performance profiles", Mathematical
    Programming 91 (2002); used so in G. E. Dahl et al., "Benchmarking Neural Network Training Algorithms" (2023).
    """
    from pandas import DataFrame, Index

    values = costs.fillna(np.inf).to_numpy(dtype=float)
    if not values.size:
        raise InputError("A performance profile needs at least one workload and one arm.")
    if (values <= 0).any():
        raise InputError(f"The costs of a performance profile must be positive, not {values.min():g}.")
    best = values.min(axis=1, keepdims=True)
    ratios = np.divide(values, best, out=np.full_like(values, np.inf), where=np.isfinite(best))
    steps = np.unique(np.append(1.0, ratios[np.isfinite(ratios)]))
    shares = (ratios[None] <= steps[:, None, None]).mean(axis=1)
    return DataFrame(shares, Index(steps, name="ratio"), costs.columns)
