"""Which figures a report shows, in the order in which one looks at them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.charts.chart import Chart
from analysis.data.tables import SweepTables
from analysis.figures.contour import PAIRS, contour
from analysis.figures.critical_difference import critical_difference
from analysis.figures.differences import differences
from analysis.figures.importance import importance
from analysis.figures.loss_curves import loss_curves
from analysis.figures.parallel_coordinates import parallel_coordinates
from analysis.figures.pareto import pareto
from analysis.figures.performance_profiles import performance_profiles
from analysis.figures.picture_grid import picture_grid
from analysis.figures.pictures import first_and_last_pictures
from analysis.figures.response import response
from analysis.figures.rungs import rungs
from analysis.figures.schedules import schedules
from analysis.figures.targets import targets
from analysis.figures.tuning_curves import tuning_curves
from analysis.statistics import ranks
from analysis.verdict.findings import Verdict
from analysis.verdict.overall import standings
from optimizers import InputError


@dataclass(frozen=True)
class Drawn:
    """A figure by the name of its file, or, where it cannot be drawn, a sentence why."""

    name: str
    chart: Chart | None = None
    missing: str = ""

    def show(self) -> None:
        """The chart, under a notebook's cell or in a browser; or the sentence."""
        if self.chart is None:
            sys.stdout.write(f"{self.missing}\n")
        else:
            self.chart.show()


def show(figure: Callable[..., Chart], *arguments: Any, **options: Any) -> None:
    """Show what a figure of `analysis.figures` draws of its arguments or, where nothing can be drawn, say why.

    show(loss_curves, tables, by="seconds")
    """
    _draw(figure.__name__.replace("_", "-"), lambda: figure(*arguments, **options)).show()


def of_verdict(tables: SweepTables, verdict: Verdict) -> Iterator[Drawn]:
    """Beside the verdict: the differences, and how the confirmed runs learned."""
    yield _draw("differences", lambda: differences(verdict))
    yield _draw("loss-curves", lambda: loss_curves(tables))
    if verdict.sweep.tradeoffs:
        yield _draw("pareto", lambda: pareto(tables))


def of_workload(tables: SweepTables) -> Iterator[Drawn]:
    """What explains it: budget, speed, schedules, what was stopped, what was made."""
    sweep = tables.sweep
    yield _draw("tuning-curves", lambda: tuning_curves(tables))
    if sweep.metric.target is not None:
        yield _draw("targets", lambda: targets(tables))
    yield _draw("schedules", lambda: schedules(tables))
    if sweep.scheduler.type != "none":
        yield _draw("rungs", lambda: rungs(tables))
    pictures = first_and_last_pictures(tables)
    if pictures:
        yield _draw("pictures", lambda: picture_grid(sweep, pictures))


def of_hyperparameters(tables: SweepTables) -> Iterator[Drawn]:
    """What the search tried, and what mattered."""
    yield _draw("response", lambda: response(tables))
    for across, up in PAIRS:
        if _searched_by_one(tables, across, up):
            yield _draw(f"{across}-{up}", lambda across=across, up=up: contour(tables, across, up))
    yield _draw("importance", lambda: importance(tables))
    yield _draw("parallel-coordinates", lambda: parallel_coordinates(tables))


def over_workloads(tables: SweepTables, verdicts: Sequence[Verdict]) -> Iterator[Drawn]:
    """How the arms stand over all workloads together."""
    yield _draw("performance-profiles", lambda: performance_profiles(tables))
    yield _draw("critical-difference", lambda: critical_difference(_differences_of_ranks(verdicts), tables.sweep))


def _differences_of_ranks(verdicts: Sequence[Verdict]) -> ranks.CriticalDifference:
    places = {arm.arm: math.nan if arm.mean_rank is None else arm.mean_rank for arm in standings(verdicts)}
    return ranks.critical_difference(places, len(verdicts))


def _searched_by_one(tables: SweepTables, *names: str) -> bool:
    return any(set(names) <= arm.space.parameters.keys() for arm in tables.sweep.arms.values())


def _draw(name: str, figure: Callable[[], Chart]) -> Drawn:
    try:
        return Drawn(name, figure())
    except InputError as error:
        return Drawn(name, missing=f"{name}: {error}")
