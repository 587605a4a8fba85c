"""What one arm asks for that its optimizer does not have or does not allow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import optimizers
from optimizers import InputError, OptimizerEntry, Problem, did_you_mean, schedules, user_code
from optimizers.domains import Choice, Integer
from optimizers.errors import Path
from optimizers.hyperparameter import ScheduleOf
from search_spaces.schema.parameter import INTEGER_DISTRIBUTIONS, NUMERIC_DISTRIBUTIONS, Parameter, Scalar
from search_spaces.schema.sweep_file import SweepFile
from search_spaces.space import draws
from search_spaces.space.space import TRAINING, ArmSpace, arm_space, hyperparameters, owner_of, unknown_space

# Enough for every combination in the shipped spaces; what a larger one has beyond it is checked trial by trial.
MAX_CORNERS = 4096
CONTINUOUS = frozenset(NUMERIC_DISTRIBUTIONS) - frozenset(INTEGER_DISTRIBUTIONS)
# A schedule's missing length is filled with the trial's budget; the value range does not depend on its size.
NOMINAL_STEPS, NOMINAL_EPOCHS = 10_000, 100


def arm_problems(sweep: SweepFile, name: str) -> Iterator[Problem]:
    """Everything in one arm that cannot work."""
    arm = sweep.arms[name]
    if not sweep.intact("arms", name, "optimizer"):
        return
    try:
        entry = optimizers.get(arm.optimizer)
    except InputError as error:
        yield sweep.problem("arms", name, "optimizer", str(error))
        return
    unknown = [sweep.problem("arms", name, "space", told) for told in map(unknown_space, arm.space) if told]
    yield from unknown
    foreign = list(_foreign(sweep, name, arm.parameters, entry))
    yield from foreign
    if unknown or not sweep.intact("arms", name, "space"):
        return
    try:
        space = arm_space(arm)
    except InputError as error:
        # What was left out may be what a condition or a bound names.
        if sweep.intact("arms", name, "parameters"):
            yield from _located(sweep, name, error, entry)
        return
    foreign += _foreign(sweep, name, space.parameters, entry)
    foreign += _outside(sweep, name, space.parameters, entry)
    yield from foreign
    for parameter in arm.parameters:
        yield from _conditions(sweep, name, parameter, space, entry)
    for number, start in enumerate(arm.start):
        for parameter, value in start.items():
            yield from _start(sweep, (name, "start", number, parameter), space, value)
    if not foreign and sweep.intact("arms", name, "parameters"):
        yield from _configurations(sweep, name, space, entry)


def place_of(sweep: SweepFile, arm: str, *parameters: str) -> Path:
    """The key of the first of the parameters that the arm has itself; else that of its named spaces."""
    own = sweep.arms[arm].parameters
    known = [("arms", arm, "parameters", one) for one in parameters if one in own]
    return known[0] if known else ("arms", arm, "space" if sweep.arms[arm].space else "parameters")


def _foreign(
    sweep: SweepFile, arm: str, parameters: Mapping[str, Parameter], entry: OptimizerEntry
) -> Iterator[Problem]:
    """Parameters that the optimizer does not have, or that are drawn otherwise than it takes them."""
    for name, parameter in parameters.items():
        _, owner = owner_of(name, entry.hyperparameters)
        if name.startswith(f"{TRAINING}."):
            continue
        if not entry.takes(owner):
            yield sweep.problem(*place_of(sweep, arm, name), entry.unknown(owner).message)
        elif _is_whole(entry, owner) and parameter.distribution in CONTINUOUS:
            drawn = f"draw it by int_uniform or int_log_uniform, not by {parameter.distribution}"
            yield sweep.problem(*place_of(sweep, arm, name), f"{owner} is a whole number; {drawn}")


def _is_whole(entry: OptimizerEntry, name: str) -> bool:
    one = entry.hyperparameters.get(name)
    return one is not None and isinstance(one.domain, Integer)


def _outside(
    sweep: SweepFile, arm: str, parameters: Mapping[str, Parameter], entry: OptimizerEntry
) -> Iterator[Problem]:
    """Parameters that reach beyond what the optimizer allows, each looked at by itself."""
    for name, parameter in parameters.items():
        part, owner = owner_of(name, entry.hyperparameters)
        if parameter.formulas or owner not in entry.hyperparameters or name not in (owner, f"{part}.{owner}"):
            continue
        if isinstance(entry.hyperparameters[owner].domain, ScheduleOf):
            # A schedule is checked with its keys, which are parameters of their own.
            continue
        for value in draws.grid(name, parameter, {}, 2):
            try:
                entry.hyperparameters[owner].domain.check(value, f"{entry.name}: {owner}")
            except InputError as error:
                yield sweep.problem(*place_of(sweep, arm, name), str(error))
                break


def _conditions(sweep: SweepFile, arm: str, name: str, space: ArmSpace, entry: OptimizerEntry) -> Iterator[Problem]:
    """Conditions on a value that the optimizer does not allow."""
    for condition, wanted in space.parameters[name].when.items():
        owner = owner_of(condition, entry.hyperparameters)[1]
        if owner not in entry.hyperparameters or owner != condition.rpartition(".")[2]:
            continue
        domain = entry.hyperparameters[owner].domain
        for value in wanted if isinstance(wanted, list) else [wanted]:
            try:
                if not isinstance(domain, ScheduleOf):
                    domain.check(value, condition)
                elif user_code.is_own(value):
                    schedules.get(str(value))
                else:
                    Choice(schedules.names()).check(value, condition)
            except InputError as error:
                yield sweep.problem("arms", arm, "parameters", name, "when", condition, str(error))


def _start(sweep: SweepFile, place: Path, space: ArmSpace, value: Scalar) -> Iterator[Problem]:
    parameter = str(place[-1])
    if parameter in space.parameters:
        if not space.parameters[parameter].contains(value):
            yield sweep.problem("arms", *place, f"{value!r} is not among what the parameter may be")
    elif sweep.intact("arms", place[0], "parameters", parameter):
        known = f"it has {', '.join(space.parameters)}"
        hint = did_you_mean(parameter, space.parameters)
        yield sweep.problem("arms", *place, f'this arm searches over no "{parameter}"; {known}.{hint}')


def _configurations(sweep: SweepFile, arm: str, space: ArmSpace, entry: OptimizerEntry) -> Iterator[Problem]:
    """What goes wrong at the ends of the space, once for each key that it is said of."""
    told: dict[Path, Problem] = {}
    try:
        space.default()
        for part in space.formula_corners():
            for _ in itertools.islice(part.corners(), MAX_CORNERS):
                pass
        for configuration in itertools.islice(space.corners(), MAX_CORNERS):
            try:
                _check_configuration(entry, hyperparameters(configuration))
            except InputError as error:
                for problem in _located(sweep, arm, error, entry):
                    told.setdefault(problem.path, problem)
    except InputError as error:
        for problem in _located(sweep, arm, error, entry):
            told.setdefault(problem.path, problem)
    yield from told.values()


def _check_configuration(entry: OptimizerEntry, values: dict[str, Any]) -> None:
    values.pop(TRAINING, None)
    for part in entry.parts(values) or ("",):
        own = entry.for_part(values, part)
        filled = entry.with_budget(own, steps=NOMINAL_STEPS, epochs=NOMINAL_EPOCHS)
        # Others are looked at over the trial's own length, once that is known.
        entry.check({**filled, **{name: own[name] for name in entry.depending_on_length(filled)}})


def _located(sweep: SweepFile, arm: str, error: InputError, entry: OptimizerEntry) -> Iterator[Problem]:
    """The problems of an optimizer or a space, each at the arm's own parameter that it is about, if there is one."""
    own = sweep.arms[arm].parameters
    for problem in error.problems:
        about = [
            name
            for setting in problem.settings
            for name in sorted(own, key=len, reverse=True)
            if name == setting or owner_of(name, entry.hyperparameters)[1] == setting
        ]
        yield sweep.problem(*place_of(sweep, arm, *about), problem.message)
