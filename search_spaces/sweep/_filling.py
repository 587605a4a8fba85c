"""What a sweep file leaves out and its workloads know: budgets, settings, and which way their metrics are better."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import trainables
from search_spaces.schema.sweep_file import SweepFile
from search_spaces.schema.workload_keys import NamedWorkload, Workload
from trainables.spec import Goal
from trainables.tune.summary import MEASURED


def filled(sweep: SweepFile, folder: Path = Path()) -> SweepFile:
    """Return the file with its workloads' own budgets, and the goals of their metrics, where it leaves them out.

    Paths among the workloads' options are relative to ``folder``, in which the file lies.

    What is said of a workload that is not known here stays as it stands.
    """
    whole = sweep.with_workloads({name: _filled(workload, folder) for name, workload in sweep.by_workload.items()})
    # A metric has the same goal wherever it is measured.
    own: dict[str, Goal] = {}
    for name in sweep.by_workload:
        own |= goals_of(sweep.on(name))
    tradeoffs = [one.toward(own.get(one.name)) for one in sweep.tradeoffs]
    with_goals = whole.with_metrics(sweep.metric.toward(own.get(sweep.metric.name)), tradeoffs)
    # Further trials, by which a window that is not given would grow, must not change what was drawn.
    return with_goals.with_window(sweep.search.window or sweep.search.usual_window)


def is_whole(sweep: SweepFile) -> bool:
    """Return whether nothing is left out that only a workload knows, as of every sweep that was recorded."""
    workloads, own = sweep.by_workload.values(), [sweep.on(name).metric for name in sweep.by_workload]
    budgeted = all(workload.evaluations and workload.batch_size for workload in workloads)
    return budgeted and all(objective.goal for objective in [*own, *sweep.objectives])


def _filled(workload: Workload, folder: Path) -> Workload:
    if not trainables.is_known(workload.name):
        return workload
    entry = trainables.get(workload.name)
    whole = workload.filled(
        epochs=entry.epochs,
        batch_size=entry.batch_size,
        training=entry.check_training(workload.training),
        options=entry.check_options(entry.absolute(workload.options, folder.absolute())),
    )
    if isinstance(whole, NamedWorkload) and whole.metric is not None:
        return whole.model_copy(update={"metric": whole.metric.toward(entry.metrics.get(whole.metric.name))})
    return whole


def goals_of(sweep: SweepFile) -> Mapping[str, Goal]:
    """Which way everything is better that a search on the workload can look at; nothing for an unknown workload."""
    known = trainables.is_known(sweep.workload.name)
    return {**trainables.get(sweep.workload.name).metrics, **MEASURED} if known else {}
