"""When runs reach a target, and that a miss is never."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.time_to_target import reached_share, time_to_target
from optimizers import InputError

CURVES = pd.DataFrame(
    [
        # the first run arrives at step 20 and leaves again; its evaluations are not in order
        ("a", "adam", 1, 30, 3.0, 0.2, 0.95),
        ("a", "adam", 1, 10, 1.0, 0.3, 0.70),
        ("a", "adam", 1, 20, 2.5, 0.1, 0.90),
        ("b", "adam", 2, 10, 1.5, 0.5, 0.50),
        ("b", "adam", 2, 20, 3.0, math.nan, math.nan),
        ("c", "sgd", 1, 10, 0.5, 0.1, 0.80),
        ("c", "sgd", 1, 20, 1.0, 0.05, 0.90),
    ],
    columns=["run_id", "arm", "seed", "step", "seconds", "val/loss", "val/accuracy"],
).assign(workload="", study=1)


def test_the_first_evaluation_that_is_at_the_target_counts():
    found = time_to_target(CURVES, "val/loss", "minimize", 0.1)
    assert list(found.columns) == [
        "run_id",
        "arm",
        "workload",
        "study",
        "seed",
        "steps_to_target",
        "seconds_to_target",
    ]
    assert found["run_id"].tolist() == ["a", "b", "c"]
    assert found["steps_to_target"].tolist() == [20, math.inf, 10]
    assert found["seconds_to_target"].tolist() == [2.5, math.inf, 0.5]
    up = time_to_target(CURVES, "val/accuracy", "maximize", 0.9)
    assert up["steps_to_target"].tolist() == [20, math.inf, 20]


def test_a_target_that_no_run_reached():
    found = time_to_target(CURVES, "val/loss", "minimize", 0.0)
    assert np.isinf(found[["steps_to_target", "seconds_to_target"]].to_numpy()).all()
    assert len(time_to_target(CURVES.iloc[:0], "val/loss", "minimize", 0.1)) == 0


def test_the_share_is_scipys_distribution_function():
    steps = [20.0, math.inf, 10.0, 20.0, math.nan, 40.0]
    x, share = reached_share(steps)
    expected = stats.ecdf([20.0, 1e9, 10.0, 20.0, 1e9, 40.0]).cdf
    assert x.tolist() == [0, 10, 20, 40]
    assert share == pytest.approx(expected.evaluate(x))
    assert share[-1] == pytest.approx(4 / 6)
    nobody = reached_share([math.inf])
    assert (nobody[0].tolist(), nobody[1].tolist()) == ([0.0], [0.0])


def test_impossible_input_is_refused():
    with pytest.raises(InputError, match='no metric "val/los"'):
        time_to_target(CURVES, "val/los", "minimize", 0.1)
    with pytest.raises(InputError, match='not "min"'):
        time_to_target(CURVES, "val/loss", "min", 0.1)
    with pytest.raises(InputError, match="at least one run"):
        reached_share([])
