"""How soon the confirmation runs reached the sweep's target, those that never did included."""

from __future__ import annotations

import numpy as np

from analysis.charts.chart import Axis, Chart, Layer, Panel
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import (
    best_confirmations,
    metric_label,
    metric_values,
    not_shown,
    one_workload,
    share_line,
)
from analysis.statistics.time_to_target import reached_share
from optimizers import InputError
from search_spaces.schema.words import plural
from trainables.mlflow_contract import STEPS, STEPS_TO_TARGET, Status


def targets(tables: SweepTables) -> Chart:
    """The share of each arm's confirmation runs that have reached the target, over optimizer steps.

    A run that ended without it counts as never, also one that diverged; one that failed or was interrupted says nothing
    and is left out. Raises InputError for a sweep without a target, and where no confirmation tells.
    """
    tables = one_workload(tables)
    sweep = tables.sweep
    if sweep.metric.target is None:
        raise InputError(f"No times to a target: {sweep.name} has no metric.target.")
    runs = best_confirmations(tables)
    runs = runs[runs["outcome"].isin((Status.FINISHED, Status.DIVERGED))]
    arms = [arm for arm in sweep.arms if arm in set(runs["arm"])]
    if not arms or STEPS_TO_TARGET not in runs:
        raise InputError("No times to a target: no confirmation run has ended.")
    end = float(max(runs.get(STEPS, runs[STEPS_TO_TARGET]).replace(np.inf, np.nan).max(), 1))
    lines: list[Layer] = []
    for arm in arms:
        x, share = reached_share(runs.loc[runs["arm"] == arm, STEPS_TO_TARGET])
        lines.append(share_line(sweep, arm, np.append(x, max(end, x[-1])), np.append(share, share[-1])))
    target = f"{metric_label(sweep.metric.name)} of {metric_values(sweep.metric.name, sweep.metric.target):g}"
    counts = sorted({int((runs["arm"] == arm).sum()) for arm in arms})
    count = plural(counts[0], "run") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} runs"
    missing = {arm: "no confirmation has ended" for arm in sweep.arms if arm not in arms}
    return Chart(
        title=f"{sweep.name}: steps until {target}",
        panels=[Panel(Axis("optimizer steps"), Axis("runs that reached it (%)", range=(-3, 103)), lines)],
        caption=f"Of the {count} of each arm's best configuration on fresh seeds. A line that ends below 100 % has "
        f"runs that never reached the target. Lines are shifted a little apart.{not_shown(missing)}",
        size=(480, 280),
    )
