"""Schedules whose values are known for a trial of known length alone, looked at over the length of a sweep's trials."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trainables
from cluster.tracking.run_description import trial_spec
from optimizers import InputError, Problem, raise_any
from optimizers.hyperparameter import ScheduleOf
from search_spaces import ArmSpace, Sweep
from search_spaces.space.space import TRAINING, hyperparameters, owner_of
from search_spaces.study.assignment import default_assignment
from search_spaces.sweep.arm_checks import MAX_CORNERS, place_of
from trainables.training.learning_rate import RATE, LearningRate
from trainables.tune.child_process import ChildProcess
from trainables.tune.lengths import SCHEDULE, depends_on_length, lengths_of

_RATE = f"{TRAINING}.{RATE}"


def check_schedules(sweep: Sweep, data_root: Path) -> None:
    """Raise InputError where a function of a user's own gives a value that its coefficient may not have.

    It is looked at in every count of a trial, with its keys and the coefficient at the ends of their ranges. Parts of a
    model that have an optimizer each count steps of their own; their schedules are looked at when a trial begins.
    """
    found: list[Problem] = []
    for name in sweep.by_workload:
        contest = sweep.on(name)
        scheduled = {arm: names for arm in contest.arms if (names := _scheduled(contest, arm))}
        if scheduled:
            length = _length(contest, data_root)
            for arm, names in scheduled.items():
                found += _problems(contest, arm, names, *length)
    raise_any(found)


def _scheduled(sweep: Sweep, arm: str) -> list[str]:
    """The parameters of the arm that make up such schedules, and the coefficients of these; RATE for that of all."""
    space = sweep.arms[arm].space
    known = space.entry.hyperparameters
    found = [_RATE] if depends_on_length(sweep.workload.training.get(RATE)) else []
    for name, one in known.items():
        own = [parameter for parameter in space.parameters if owner_of(parameter, known) == ("", name)]
        if isinstance(one.domain, ScheduleOf) and _any_depends_on_length(space, own):
            found += [*own, *({one.domain.coefficient} & space.parameters.keys())]
    of_rate = [name for name in space.parameters if name == _RATE or name.startswith(f"{_RATE}.")]
    if _any_depends_on_length(space, of_rate):
        found += of_rate
    return found


def _any_depends_on_length(space: ArmSpace, names: list[str]) -> bool:
    """Whether a kind of schedule among what these parameters may be is such."""
    kinds = [space.parameters[name] for name in names if name.endswith((SCHEDULE, ".then"))]
    return any(depends_on_length(value) for one in kinds for value in (*(one.values or ()), one.value))


def _length(sweep: Sweep, data_root: Path) -> tuple[int, int]:
    """The optimizer steps of a full trial, and its passes over the data.

    Where the sweep uses code of a user's own, its data is read in a process of its own.
    """
    specs = [trial_spec(sweep, default_assignment(sweep, next(iter(sweep.arms))))]
    if not sweep.code.digest:
        return lengths_of(specs, data_root)[0]
    with ChildProcess(sweep.code, lengths_of, specs, data_root.absolute()) as process:
        try:
            return process.result(sweep.resources.process_timeout)[0]
        except ChildProcessError as error:
            raise InputError(f"the process that reads the data did not get to its end: {error}") from None


def _problems(sweep: Sweep, arm: str, names: list[str], steps: int, passes: int) -> Iterator[Problem]:
    """What the schedules of an arm give that they may not, once for each key that it is said of."""
    space = sweep.arms[arm].space
    searched = space.only([name for name in names if name in space.parameters])
    told: dict[Any, Problem] = {}
    for configuration in itertools.islice(searched.corners(), MAX_CORNERS):
        values = hyperparameters(configuration)
        training = {**sweep.workload.training, **values.pop(TRAINING, {})}
        try:
            if _RATE in names:
                LearningRate(trainables.get(sweep.workload.name).check_training(training), steps, passes)
            space.entry.check_over_length(values, steps=steps, epochs=passes)
        except InputError as error:
            for problem in error.problems:
                about = [one for one in names if one in searched.parameters and _is_about(one, problem.settings)]
                place = place_of(sweep.file, arm, *about) if about else ("workload", TRAINING, RATE)
                told.setdefault(place, sweep.file.problem(*place, problem.message))
    yield from told.values()


def _is_about(parameter: str, settings: tuple[str, ...]) -> bool:
    return any(parameter.removeprefix(f"{TRAINING}.").partition(".")[0] == setting for setting in settings)
