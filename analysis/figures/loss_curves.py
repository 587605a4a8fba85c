"""Learning curves of the confirmation runs: a mean for each arm, in a band from the lowest to the highest seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.charts.chart import Axis, Chart, Layer, Line, Panel, Points
from analysis.charts.ticks import covering
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import (
    arm_band,
    arm_line,
    best_confirmations,
    metric_axis,
    metric_values,
    not_shown,
    one_workload,
    time_label,
)
from optimizers import InputError
from search_spaces import Sweep, arm_colour
from search_spaces.schema.words import plural
from trainables.mlflow_contract import Prefix, Status


def loss_curves(tables: SweepTables, metrics: Sequence[str] = (), by: str = "epoch") -> Chart:
    """Each metric in a panel of its own, over epochs (or ``by`` "step" or "seconds"), for every arm.

    Left out, the metrics are the losses of the training split and what the search looked at. The runs are the
    confirmations of each arm's best configuration. The mean is over runs that finished; one that did not is drawn
    alone, as a thin line up to a cross where it ended: in a mean it would be missed from there on.
    Raises InputError where no confirmation has a curve of these metrics.
    """
    tables = one_workload(tables)
    label = time_label(by)
    wanted = tuple(metrics) or _usual_metrics(tables)
    runs = best_confirmations(tables)
    curves = tables.curves.merge(runs[["run_id", "outcome"]], on="run_id")
    shown = [metric for metric in wanted if metric in curves and curves[metric].notna().any()]
    if not shown:
        raise InputError(f"No learning curves: no confirmation run has a curve of {' or '.join(wanted)}.")
    panels = [_panel(tables.sweep, curves.dropna(subset=[metric]), metric, Axis(label), by) for metric in shown]
    return Chart(
        title=f"{tables.sweep.name}: learning curves of the confirmation runs",
        panels=panels,
        columns=2,
        caption=_caption(tables.sweep, runs, curves),
    )


def _usual_metrics(tables: SweepTables) -> tuple[str, ...]:
    losses = [str(name) for name in tables.curves if str(name).startswith(Prefix.TRAIN) and str(name).endswith("loss")]
    return (*losses, tables.sweep.metric.name)


def _panel(sweep: Sweep, curves: pd.DataFrame, metric: str, x: Axis, by: str) -> Panel:
    bands: list[Layer] = []
    lines: list[Layer] = []
    ended: list[Layer] = []
    for arm in sweep.arms:
        own = curves[curves["arm"] == arm]
        whole = own["outcome"] == Status.FINISHED
        if whole.any():
            mean = _over_runs(own[whole], metric, by)
            bands.append(arm_band(sweep, arm, mean[by], mean["min"], mean["max"]))
            lines.append(arm_line(sweep, arm, mean[by], mean["mean"]))
        ended += _ended_early(sweep, arm, own[~whole], metric, by)
    # One that diverged goes up without end: the axis is for those that finished, where there are any.
    whole = curves[curves["outcome"] == Status.FINISHED]
    values = metric_values(metric, (whole if len(whole) else curves)[metric])
    y = metric_axis(metric, values)
    return Panel(x, replace(y, range=covering(values, y.scale)), [*bands, *ended, *lines], title=metric)


def _over_runs(curves: pd.DataFrame, metric: str, by: str) -> pd.DataFrame:
    """Mean, min and max over runs at each evaluation, and where that is on the axis."""
    drawn = curves.assign(_value=metric_values(metric, curves[metric]))
    return (
        drawn.groupby("step")
        .agg(
            **{by: (by, "mean")} if by != "step" else {},
            mean=("_value", "mean"),
            min=("_value", "min"),
            max=("_value", "max"),
        )
        .reset_index()
    )


def _ended_early(sweep: Sweep, arm: str, curves: pd.DataFrame, metric: str, by: str) -> list[Layer]:
    layers: list[Layer] = []
    for _, run in curves.groupby("run_id"):
        x, y, colour = run[by].to_numpy(), metric_values(metric, run[metric]), arm_colour(sweep, arm)
        what = f"{run['trial_id'].iloc[0]}: {run['outcome'].iloc[0]}"
        layers += [Line(x, y, colour, width=0.9, opacity=0.6, hover=what), Points(x[-1:], y[-1:], colour, "cross")]
    return layers


def _caption(sweep: Sweep, runs: pd.DataFrame, curves: pd.DataFrame) -> str:
    counts = sorted(Counter(runs.loc[runs["outcome"] == Status.FINISHED, "arm"]).values()) or [0]
    fewest, most = counts[0], counts[-1]
    over = plural(most, "finished run") if fewest == most else f"{fewest} to {most} finished runs"
    band = "; the band is from the lowest to the highest run" if most > 1 else ""
    missing = {
        arm: "not confirmed" if arm not in set(runs["arm"]) else "no run with a curve"
        for arm in sweep.arms
        if arm not in set(curves["arm"])
    }
    early = Counter((run.arm, run.outcome) for run in runs.itertuples() if run.outcome != Status.FINISHED)
    apart = [f"{count} of {arm} ({outcome})" for (arm, outcome), count in early.items()]
    note = f" Not in the mean, and drawn up to a cross where they ended: {', '.join(apart)}." if apart else ""
    return f"Best configuration of each arm, mean over {over}{band}.{note}{not_shown(missing)}"
