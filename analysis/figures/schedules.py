"""What an optimizer really used over time: its learning rate, betas, orders, weights."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from analysis.charts.chart import Axis, Chart, Panel
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import arm_line, best_confirmations, not_shown, one_workload, scale_for, time_label
from optimizers import InputError
from search_spaces.schema.words import listing
from trainables.mlflow_contract import Prefix, Status

_MEASURED = "update_norm"  # what came of the settings, and is none
_BETA = re.compile(r"(^|/|\.)beta\d*$")


def schedules(tables: SweepTables, by: str = "epoch") -> Chart:
    """Every setting that the optimizers tell of themselves (``optim/...``), a panel each, over ``by``.

    Of each arm one run of its best configuration: the finished confirmation of the lowest seed or, without one, its
    trial. A beta that comes near 1 is drawn as 1 - beta on a logarithmic axis. A setting that is the same
    constant in all arms is told in the caption alone. Raises InputError where no such run tells any setting.
    """
    tables = one_workload(tables)
    label = time_label(by)
    runs = {arm: run for arm in tables.sweep.arms if (run := _run(tables, arm)) is not None}
    curves = tables.curves[tables.curves["run_id"].isin(runs.values())]
    names = [
        str(name) for name in curves if str(name).startswith(Prefix.OPTIMIZER) and not str(name).endswith(_MEASURED)
    ]
    told = [name for name in names if curves[name].notna().any()]
    if not told:
        raise InputError("No schedules: no finished run tells what its optimizer used over time.")
    constant = {name: float(curves[name].dropna().iloc[0]) for name in told if curves[name].nunique() == 1}
    varied = [name for name in told if name not in constant] or told
    panels = [_panel(tables, curves.dropna(subset=[name]), name, Axis(label), by) for name in varied]
    missing = {arm: "no finished run" for arm in tables.sweep.arms if arm not in set(curves["arm"])}
    same = [_constant(curves, name, value) for name, value in constant.items() if name not in varied]
    caption = "One run of each arm's best configuration, as its optimizer reported it at each evaluation."
    return Chart(
        title=f"{tables.sweep.name}: what each arm's best configuration used over time",
        panels=panels,
        columns=2,
        caption=caption + (f" Constant: {', '.join(same)}." if same else "") + not_shown(missing),
    )


def _constant(curves: pd.DataFrame, name: str, value: float) -> str:
    arms = list(dict.fromkeys(curves.dropna(subset=[name])["arm"]))
    return f"{name.removeprefix(Prefix.OPTIMIZER)} {value:.4g} ({listing(arms)})"


def _run(tables: SweepTables, arm: str) -> str | None:
    """The id of the run that stands for the arm; None where none finished."""
    confirmed = best_confirmations(tables)
    own = confirmed[(confirmed["arm"] == arm) & (confirmed["outcome"] == Status.FINISHED)].sort_values(
        ["study", "seed"]
    )
    if len(own):
        return str(own["run_id"].iloc[0])
    trials = tables.trials[(tables.trials["arm"] == arm) & (tables.trials["outcome"] == Status.FINISHED)]
    ranked = trials.dropna(subset=["value"]).sort_values("value", ascending=tables.sweep.metric.goal == "minimize")
    return str(ranked["run_id"].iloc[0]) if len(ranked) else None


def _panel(tables: SweepTables, curves: pd.DataFrame, name: str, x: Axis, by: str) -> Panel:
    setting, values = name.removeprefix(Prefix.OPTIMIZER), curves[name].to_numpy(dtype=float)
    complement = bool(_BETA.search(setting)) and 0.99 <= values.max() < 1
    drawn = 1 - values if complement else values
    lines = [
        arm_line(tables.sweep, arm, curves[by].to_numpy()[own], drawn[own])
        for arm in tables.sweep.arms
        if (own := np.asarray(curves["arm"] == arm)).any()
    ]
    y = Axis(
        f"1 − {setting}" if complement else setting,
        "log" if complement or (setting.endswith("lr") and drawn.min() > 0) else scale_for(drawn),
    )
    return Panel(x, y, lines, title=setting)
