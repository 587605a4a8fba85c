"""Performance profiles against the package perfprof."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from analysis.statistics.profiles import performance_profile
from optimizers import InputError

mpl.use("Agg")


def perfprof_at(costs: pd.DataFrame, ratios: np.ndarray) -> pd.DataFrame:
    """The same by the lines that perfprof draws; an arm that reached nothing has no line there."""
    from matplotlib import pyplot
    from perfprof import perfprof

    _, lines = perfprof(costs.to_numpy(), ["-"] * costs.shape[1])
    pyplot.close("all")

    def share(line) -> np.ndarray:
        if line is None:
            return np.zeros(len(ratios))
        x, y = line[0].get_data()
        return np.asarray(y)[np.searchsorted(x, ratios, side="right") - 1]

    return pd.DataFrame({arm: share(line) for arm, line in zip(costs, lines, strict=True)}, ratios)


@pytest.mark.parametrize("missed", [0.0, 0.3, 0.7])
def test_profiles_are_perfprofs(missed):
    generator = np.random.default_rng(0)
    costs = pd.DataFrame(generator.integers(1, 20, (40, 4)).astype(float), columns=list("abcd"))
    costs = costs.mask(generator.uniform(size=costs.shape) < missed, math.inf)
    costs["never"] = math.inf
    profile = performance_profile(costs)
    ratios = profile.index.to_numpy()
    assert profile.to_numpy() == pytest.approx(perfprof_at(costs, ratios).to_numpy())
    assert ratios[0] == 1
    assert (np.diff(ratios) > 0).all()
    reached = np.isfinite(costs.to_numpy())
    was_best = reached & (costs.to_numpy() == costs.to_numpy().min(axis=1, keepdims=True))
    assert profile.to_numpy()[-1].tolist() == reached.mean(axis=0).tolist()
    assert profile.to_numpy()[0].tolist() == was_best.mean(axis=0).tolist()


def test_a_table_by_hand():
    costs = pd.DataFrame(
        {"adam": [100, 300, math.inf, math.inf], "sgd": [200, 200, 500, math.nan]}, index=["a", "b", "c", "d"]
    )
    profile = performance_profile(costs)
    assert profile.index.name == "ratio"
    assert profile.to_dict() == {"adam": {1.0: 0.25, 1.5: 0.5, 2.0: 0.5}, "sgd": {1.0: 0.5, 1.5: 0.5, 2.0: 0.75}}


def test_a_target_that_nobody_reached():
    profile = performance_profile(pd.DataFrame({"adam": [math.inf], "sgd": [math.nan]}))
    assert profile.to_dict() == {"adam": {1.0: 0.0}, "sgd": {1.0: 0.0}}


def test_impossible_input_is_refused():
    with pytest.raises(InputError, match="must be positive, not 0"):
        performance_profile(pd.DataFrame({"adam": [0.0, 1.0]}))
    with pytest.raises(InputError, match="at least one workload"):
        performance_profile(pd.DataFrame({"adam": []}))
