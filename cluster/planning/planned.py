"""A plan in words: a row for each arm, and lines on the whole."""

from __future__ import annotations

import math

from cluster.planning.plan import Plan
from search_spaces import Sweep
from search_spaces.schema.methods import window_of
from search_spaces.schema.words import duration, plural

# Trials end at different times: a window of so many times the places of a search keeps most of them busy.
WINDOW_PER_PLACE = 4
Row = dict[str, str]


def rows(plan: Plan) -> list[Row]:
    """What each arm is expected to take."""
    return [
        {
            "arm": arm.name,
            "trials": str(arm.trials),
            "confirmations": str(arm.confirmations),
            "epochs of the search": f"{arm.search_epochs:,.0f} of {arm.most_epochs:,} "
            f"({1 - arm.search_epochs / arm.most_epochs:.0%} pruned)",
            "steps in all": "" if arm.steps is None else f"{arm.steps:,.0f}",
            "time": "" if arm.seconds is None else duration(arm.seconds),
        }
        for arm in plan.arms
    ]


def totals(plan: Plan, sweep: Sweep, price: float | None) -> list[str]:
    """Time, hours, price, disk and rows of the whole sweep."""
    lines = [f"{plan.slots} at once; {plan.mlflow_rows:,} rows in MLflow."]
    lines += _idle(plan, sweep)
    if sweep.warning:
        lines.append(f"warning: {sweep.warning}.")
    if any(arm.steps is None for arm in plan.arms):
        lines.append("Steps are told where the data is, from which they follow; see `adamant data`.")
    if plan.wall_s is None or plan.cpu_hours is None or plan.gpu_hours is None:
        return [*lines, "Times are told with --probe, which trains each arm for some seconds."]
    hours, device = (plan.gpu_hours, "GPU") if sweep.resources.gpu else (plan.cpu_hours, "core")
    lines.append(f"About {duration(plan.wall_s)}, start-up included; {hours:,.2f} {device}-hours of training.")
    if price is not None:
        lines.append(f"At {price:g} an hour of a {device}: {hours * price:,.2f}.")
    lines.append(f"At most {(plan.disk_bytes or 0) / 1e6:,.0f} MB on disk at once, of checkpoints and curves.")
    return lines


def _idle(plan: Plan, sweep: Sweep) -> list[str]:
    """What is to be said where the sweep's window leaves places without work."""
    searches = len(sweep.contests) * len(sweep.arms)
    busy = searches * window_of(sweep.search) / WINDOW_PER_PLACE
    if busy >= plan.slots:
        return []
    enough = math.ceil(WINDOW_PER_PLACE * plan.slots / searches)
    return [
        f"A search.window of {sweep.search.window} keeps about {max(1, math.floor(busy))} of {plan.slots} busy in "
        f"{plural(searches, 'search')}; {enough} would keep most of them busy, and is another search."
    ]
