"""Mean ranks over many workloads, and which of them are not shown to differ."""

from __future__ import annotations

from analysis.charts.chart import Axis, Chart, Layer, Line, Panel, Points, Text
from analysis.charts.style import INK, SOFT
from analysis.statistics.ranks import CriticalDifference
from search_spaces import Sweep, arm_colour


def critical_difference(difference: CriticalDifference, sweep: Sweep) -> Chart:
    """The diagram of Demsar (JMLR 2006) with a row an arm, the best on top: its mean rank, and bars over the groups of
    arms that are not shown to differ.
    """
    arms = list(difference.mean_ranks)
    rows = {arm: float(len(arms) - place) for place, arm in enumerate(arms)}
    groups: list[Layer] = []
    for number, group in enumerate(difference.groups, start=1):
        ends = [difference.mean_ranks[group[0]], difference.mean_ranks[group[-1]]]
        height = -0.35 * number + 0.4
        groups.append(Line(ends, [height, height], INK, width=4))
        groups += [
            Line([end, end], [height, rows[arm]], SOFT, dash="dotted", width=0.8)
            for end, arm in zip(ends, (group[0], group[-1]), strict=True)
        ]
    marks: list[Layer] = []
    for arm, rank in difference.mean_ranks.items():
        marks.append(
            Points([rank], [rows[arm]], arm_colour(sweep, arm), size=10, hover=[f"{arm}: mean rank {rank:.2f}"])
        )
        marks.append(Text(rank + 0.06 * len(arms) / 4, rows[arm], f"{rank:.2f}", INK))
    bottom = 0.2 - 0.35 * len(difference.groups)
    ticks = {height: arm for arm, height in rows.items()}
    return Chart(
        title=f"{sweep.name}: mean ranks over {difference.workloads} workloads",
        panels=[
            Panel(
                Axis("mean rank, 1 is best", range=(0.8, len(arms) + 0.4)),
                Axis("", ticks=ticks, range=(bottom, len(arms) + 0.6)),
                [*groups, *marks],
            )
        ],
        caption=f"Arms that a thick bar joins are not shown to differ at {100 * difference.level:g} % (Friedman's "
        f"test, p = {difference.p_value:.2g}; Nemenyi's for every pair, whose mean ranks must differ by "
        f"{difference.difference:.2f}).",
        size=(480, 60 + 24 * (len(arms) + len(difference.groups))),
    )
