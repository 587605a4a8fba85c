"""How near each arm comes to the best one, over the workloads of a sweep."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis.charts.chart import Axis, Chart, Panel
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import share_line
from analysis.statistics.profiles import performance_profile
from optimizers import InputError
from trainables.mlflow_contract import STEPS_TO_TARGET, Status

_FARTHEST = 10.0


def performance_profiles(tables: SweepTables) -> Chart:
    """The share of workloads on which an arm takes at most so many times the steps of the fastest arm to the target.

    Takes the tables of all workloads. An arm's steps on a workload are the median of its confirmation runs, a run that
    missed counting as never. Raises InputError for a sweep over one workload, and where no workload has a target.
    """
    sweep = tables.sweep
    if len(tables.workloads) < 2:
        raise InputError(f"No performance profiles: {sweep.name} has one workload, and they are shares of workloads.")
    targeted = [name for name in tables.workloads if tables.on(name).sweep.metric.target is not None]
    if not targeted:
        raise InputError(f"No performance profiles: no workload of {sweep.name} has a target.")
    costs = pd.DataFrame([_steps(tables.on(name)) for name in targeted], index=pd.Index(targeted))
    profile = performance_profile(costs)
    farthest = min(_FARTHEST, 1.15 * float(profile.index[-1])) if len(profile) > 1 else 2.0
    shown = profile[profile.index <= farthest]
    x = np.append(shown.index.to_numpy(dtype=float), farthest)
    lines = [share_line(sweep, str(arm), x, np.append(shown[arm], shown[arm].iloc[-1])) for arm in shown]
    without = [name for name in tables.workloads if name not in targeted]
    return Chart(
        title=f"{sweep.name}: performance profiles over {len(targeted)} workloads",
        panels=[
            Panel(
                Axis("steps to the target, over those of the fastest arm", "log"),
                Axis("workloads (%)", range=(-3, 103)),
                lines,
            )
        ],
        caption="At 1: how often the arm was the fastest. A line that ends below 100 % has workloads on which the "
        "median run missed the target, or took more than ten times as long. Lines are shifted a little apart."
        + (f" Without a target: {', '.join(without)}." if without else ""),
        size=(500, 290),
    )


def _steps(tables: SweepTables) -> dict[str, float]:
    runs = tables.confirmations[tables.confirmations["outcome"].isin((Status.FINISHED, Status.DIVERGED))]
    told = runs.get(STEPS_TO_TARGET, pd.Series(dtype=float)).fillna(math.inf).groupby(runs["arm"]).median()
    return {arm: float(told.get(arm, math.inf)) for arm in tables.sweep.arms}
