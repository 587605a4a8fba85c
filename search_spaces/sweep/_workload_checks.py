"""Whether a sweep and its workloads go together: names, settings, metrics, parts and budgets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import optimizers
import trainables
from optimizers import InputError, Problem, did_you_mean
from optimizers.errors import Path
from search_spaces.schema.sweep_file import SweepFile
from search_spaces.schema.workload_keys import Objective
from search_spaces.space.space import TRAINING, arm_space, hyperparameters, owner_of
from search_spaces.sweep._filling import goals_of
from search_spaces.sweep.arm_checks import MAX_CORNERS, place_of
from search_spaces.sweep.sweep_checks import grace_problems
from trainables import WorkloadEntry
from trainables.mlflow_contract import TRAIN_SECONDS, Prefix
from trainables.tune.summary import MEASURED, STEPS_TO_TARGET

Check = Callable[[Mapping[str, Any]], dict[str, Any]]


def workload_problems(sweep: SweepFile) -> Iterator[Problem]:
    """Everything in a sweep that does not go together with its workloads."""
    for name in sweep.by_workload:
        yield from _problems(sweep.on(name))


def goal_problems(sweep: SweepFile) -> Iterator[Problem]:
    """Goals in a new sweep that are the wrong way round.

    A recorded sweep keeps the goals that it was run with.
    """
    for name in sweep.by_workload:
        contest = sweep.on(name)
        own = goals_of(contest)
        for place, objective in _objectives(contest):
            stated, better = objective.stated_goal, own.get(objective.name)
            if stated and better and stated != better and contest.intact(*place):
                other = "greater" if better == "maximize" else "smaller"
                yield contest.problem(
                    *place, "goal",
                    f"{objective.name} of {contest.workload.name} is better when it is {other}; write goal: {better}, "
                    "or leave it out",
                )  # fmt: skip


def _problems(sweep: SweepFile) -> Iterator[Problem]:
    """Of a sweep over one workload."""
    if not sweep.intact("workload", "name"):
        return
    try:
        entry = trainables.get(sweep.workload.name)
    except InputError as error:
        yield sweep.problem("workload", "name", str(error))
        return
    yield from _settings(sweep, "training", entry.check_training)
    yield from _settings(sweep, "options", entry.check_options)
    yield from _metrics(sweep, entry)
    yield from _smallest_difference(sweep, (entry.score, *entry.other_scores))
    if sweep.scheduler.type == "pbt" and sweep.workload.steps and entry.parts:
        yield sweep.problem(
            "workload",
            "steps",
            f"the parts of {entry.name} count their own steps, so pbt needs a budget in epochs",
        )
    for arm in sweep.arms:
        if sweep.intact("arms", arm, "optimizer"):
            yield from _parts(sweep, arm, entry)
            yield from _training(sweep, arm, entry.check_training)
    if sweep.intact("workload"):
        yield from _budget(sweep, entry)


def _budget(sweep: SweepFile, entry: WorkloadEntry) -> Iterator[Problem]:
    own = {"epochs": entry.epochs, "batch_size": entry.batch_size}
    workload = sweep.workload.filled(**own, training={}, options={})
    yield from grace_problems(sweep, workload)
    if sweep.intact("resources") and sweep.resources.workers > (workload.batch_size or 1):
        yield sweep.problem(
            "resources",
            "workers",
            f"{sweep.resources.workers} workers cannot share a batch of {workload.batch_size} examples; "
            "take fewer, or a larger workload.batch_size",
        )


def _settings(sweep: SweepFile, key: str, check: Check) -> Iterator[Problem]:
    given = getattr(sweep.workload, key)
    try:
        check(given)
    except InputError as error:
        for problem in error.problems:
            own = [setting for setting in problem.settings if setting in given]
            yield sweep.problem("workload", key, *own[:1], problem.message)


def _objectives(sweep: SweepFile) -> Iterator[tuple[tuple[str | int, ...], Objective]]:
    """All that the search looks at, and where it stands."""
    yield ("metric",), sweep.metric
    for number, tradeoff in enumerate(sweep.tradeoffs):
        yield ("tradeoffs", number), tradeoff


def _metrics(sweep: SweepFile, entry: WorkloadEntry) -> Iterator[Problem]:
    try:
        measured = entry.metrics_with(entry.check_options(sweep.workload.options))
    except InputError:  # told with the options
        measured = tuple(entry.metrics)
    for place, objective in _objectives(sweep):
        name, known = objective.name, [*measured, *(() if place == ("metric",) else MEASURED)]
        if not sweep.intact(*place, "name"):
            continue
        if name in entry.optional_metrics and name not in known:
            condition = entry.optional_metrics[name]
            yield sweep.problem(*place, "name", f"{entry.name} measures {name} only with workload.options.{condition}")
        elif name not in known and not entry.open_ended:
            has = f"it has {', '.join(known)}"
            hint = did_you_mean(name, known, _MEANINGS)
            yield sweep.problem(*place, "name", f'{entry.name} has no metric "{name}"; {has}.{hint}')
        if name == STEPS_TO_TARGET and sweep.metric.target is None and sweep.intact("metric"):
            yield sweep.problem(*place, "name", f"{name} needs a metric.target to reach")


def _smallest_difference(sweep: SweepFile, scores: tuple[str, ...]) -> Iterator[Problem]:
    place, accuracies = ("metric", "smallest_difference"), all(score.endswith("accuracy") for score in scores)
    smallest = sweep.metric.smallest_difference
    if smallest is not None and smallest >= 100 and accuracies and sweep.intact(*place):
        yield sweep.problem(
            *place, f"it is in percentage points of {scores[0]}, of which there are 100; {smallest:g} is no difference"
        )


_MEANINGS = {
    f"{Prefix.SUMMARY}seconds": (TRAIN_SECONDS,),
    f"{Prefix.SUMMARY}time": (TRAIN_SECONDS,),
    "val/acc": ("val/accuracy",),
    "val/error": ("val/accuracy", "val/loss"),
    "val/nll": ("val/loss",),
    "val/ppl": ("val/perplexity",),
    "val/top1": ("val/accuracy",),
    "val/top5": ("val/top5_accuracy",),
}


def _parts(sweep: SweepFile, arm: str, entry: WorkloadEntry) -> Iterator[Problem]:
    """Parameters of a part that the workload's model does not have."""
    try:
        known = optimizers.get(sweep.arms[arm].optimizer).hyperparameters
    except InputError:
        return
    for parameter in sweep.arms[arm].parameters:
        part, _ = owner_of(parameter, known)
        if part not in ("", TRAINING, *entry.parts):
            has = f"its parts are {', '.join(entry.parts)}" if entry.parts else "it has one optimizer and no parts"
            hint = did_you_mean(part, entry.parts)
            told = f'{entry.name} has no part "{part}"; {has}.{hint}'
            yield sweep.problem("arms", arm, "parameters", parameter, told)


def _training(sweep: SweepFile, arm: str, check: Check) -> Iterator[Problem]:
    """Ways of training that an arm searches over and that there are not."""
    try:
        space = arm_space(sweep.arms[arm])
        searched = space.only([name for name in space.parameters if name.startswith(f"{TRAINING}.")])
        configurations = [*itertools.islice(searched.corners(), MAX_CORNERS)]
    except InputError:
        return
    told: dict[Path, Problem] = {}
    for configuration in configurations:
        try:
            check(hyperparameters(configuration).get(TRAINING, {}))
        except InputError as error:
            for problem in error.problems:
                about = [one for one in searched.parameters if one.split(".")[1:2] == [*problem.settings][:1]]
                place = place_of(sweep, arm, *about)
                told.setdefault(place, sweep.problem(*place, problem.message))
    yield from told.values()
