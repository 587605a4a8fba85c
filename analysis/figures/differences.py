"""Each arm against the baseline: the differences of the verdict with their intervals."""

from __future__ import annotations

from analysis.charts.chart import Axis, Chart, Layer, Line, Panel, Points, Rule
from analysis.charts.style import SOFT
from analysis.figures.figure_parts import metric_values, not_shown
from analysis.verdict.findings import ArmVerdict, Verdict
from analysis.verdict.formatting import MetricFormat, percent
from analysis.verdict.sentences import noise_in_intervals
from analysis.verdict.subjects import unit_of
from optimizers import InputError
from search_spaces import arm_colour
from search_spaces.schema.words import plurals


def differences(verdict: Verdict) -> Chart:
    """A row an arm, in the sweep's order: the mean paired difference of its scores to the baseline's, and its interval.

    Accuracies are in points. Text at the right says the numbers. Raises InputError where no arm could be compared.
    """
    sweep, written = verdict.sweep, MetricFormat(verdict.score_metric)
    compared = [arm for arm in verdict.arms if arm.name != sweep.baseline and arm.difference is not None]
    if not compared:
        raise InputError(f"No differences to {sweep.baseline}: no other arm has a score on a seed that both completed.")
    rows = {arm.name: float(len(compared) - place) for place, arm in enumerate(compared)}
    marks: list[Layer] = [Rule("x", 0, SOFT, sweep.baseline)]
    note = ""
    if verdict.smallest_difference is not None:
        matters = float(metric_values(verdict.score_metric, verdict.smallest_difference))
        marks += [Rule("x", side * matters, SOFT, dash="dotted") for side in (-1, 1)]
        note = f" Dotted: the smallest difference that matters, {written.effect(verdict.smallest_difference)} "
        note += f"{written.unit}; what lies within, as two one-sided tests show, is equivalent."
    for arm in compared:
        marks += _marks(arm, rows[arm.name], verdict, written)
    better = "right" if verdict.score_goal == "maximize" else "left"
    others = [arm for arm in verdict.arms if arm.name != sweep.baseline and arm not in compared]
    missing = {arm.name: f"no {unit_of(sweep)} in common" for arm in others}
    bare = [arm.name for arm in compared if arm.difference and arm.difference.interval is None]
    note += f" Without an interval: {', '.join(bare)}." if bare else ""
    return Chart(
        title=f"{sweep.name}: {verdict.score_metric} against {sweep.baseline}",
        panels=[
            Panel(
                Axis(f"difference ({written.unit})"),
                Axis("", ticks={height: name for name, height in rows.items()}, range=(0.4, len(rows) + 0.6)),
                marks,
            )
        ],
        caption=f"Mean difference on the same {plurals(unit_of(sweep))}; better is {better} of the line. Lines are "
        f"intervals at {percent(verdict.comparison_level)}, so that all comparisons hold together at 95 %; a "
        f"difference is shown where its line leaves out 0. {noise_in_intervals(sweep)}{note}{not_shown(missing)}",
        size=(460, max(90, 30 * len(rows))),
    )


def _marks(arm: ArmVerdict, height: float, verdict: Verdict, written: MetricFormat) -> list[Layer]:
    if arm.difference is None:
        return []
    colour, interval = arm_colour(verdict.sweep, arm.name), arm.difference.interval
    words = written.difference(arm.difference.mean, interval)
    told, mean = f"{arm.name}: {words}", float(metric_values(verdict.score_metric, arm.difference.mean))
    ends = metric_values(verdict.score_metric, [interval.low, interval.high] if interval else 2 * [arm.difference.mean])
    return [
        Line(ends, [height, height], colour, words, width=2.4, hover=told),
        Points([mean], [height], colour, size=9, hover=[told]),
    ]
