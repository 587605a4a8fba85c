"""What the schema cannot say: names that must exist, and spaces that must stay inside what an optimizer allows."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Any

import optimizers
from optimizers import InputError, OptimizerEntry, did_you_mean
from optimizers.domains import Integer
from search_spaces.methods import GRID, check_method
from search_spaces.parameter import INTEGER_DISTRIBUTIONS, NUMERIC_DISTRIBUTIONS, Parameter, Scalar
from search_spaces.schema import Sweep, Workload
from search_spaces.space import TRAINING, ArmSpace, arm_space, hyperparameters, owner_of

# Enough for every combination in the shipped spaces; what a larger one has beyond it is checked trial by trial.
MAX_CORNERS = 4096
CONTINUOUS = frozenset(NUMERIC_DISTRIBUTIONS) - frozenset(INTEGER_DISTRIBUTIONS)
# A schedule's missing length is filled with the trial's budget; the value range does not depend on its size.
NOMINAL_STEPS, NOMINAL_EPOCHS = 10_000, 100


def check_sweep(sweep: Sweep) -> None:
    """Raise InputError, with file and line, for the first thing in ``sweep`` that cannot work."""
    if sweep.baseline not in sweep.arms:
        raise sweep.error(
            "baseline",
            f'"{sweep.baseline}" is no arm; the arms are {", ".join(sweep.arms)}.'
            f"{did_you_mean(sweep.baseline, sweep.arms)}",
        )
    if sweep.search.seed in sweep.confirm.seeds:
        raise sweep.error(
            "confirm", "seeds", f"{sweep.search.seed} is the seed of the search; confirmation needs fresh seeds"
        )
    if len(set(sweep.confirm.seeds)) < len(sweep.confirm.seeds):
        raise sweep.error("confirm", "seeds", "each seed may stand only once")
    try:
        check_method(sweep.search, len(sweep.objectives))
    except InputError as error:
        raise sweep.error("search", "method", str(error)) from None
    if sweep.tradeoffs:
        _check_tradeoffs(sweep)
    for workload in sweep.by_workload.values():
        check_grace(sweep, workload)
    for name in sweep.arms:
        _check_arm(sweep, name)
    if sweep.search.method == GRID:
        _check_grids(sweep)
    if sweep.scheduler.type == "pbt" and not any(
        arm_space(arm).scheduled_coefficients() for arm in sweep.arms.values()
    ):
        raise sweep.error(
            "scheduler",
            "type",
            "pbt discovers schedules, and no arm has a coefficient with a range and without a schedule that its "
            "optimizer can change in time; give one moment_adam and, for example, the space adam",
        )


def check_grace(sweep: Sweep, workload: Workload) -> None:
    """Raise InputError where a trial on the workload ends before it may be stopped."""
    evaluations = workload.evaluations
    if sweep.scheduler.type != "none" and evaluations is not None and sweep.scheduler.grace > evaluations:
        raise sweep.error(
            "scheduler", "grace", f"a grace of {sweep.scheduler.grace} is more than a trial has: {workload.budget}"
        )


def _check_tradeoffs(sweep: Sweep) -> None:
    if sweep.scheduler.type != "none":
        raise sweep.error(
            "scheduler",
            "type",
            f"{sweep.scheduler.type} decides by one metric; with tradeoffs every trial runs to its end (type: none)",
        )
    names = [sweep.metric.name, *(tradeoff.name for tradeoff in sweep.tradeoffs)]
    for number, name in enumerate(names[1:]):
        if name in names[: number + 1]:
            raise sweep.error("tradeoffs", number, "name", f"{name} is looked at already")


def _check_grids(sweep: Sweep) -> None:
    """A part of a grid would be a corner of the space, and say nothing of the rest."""
    for name, arm in sweep.arms.items():
        if arm.start:
            raise sweep.error("arms", name, "start", "a grid tries its own configurations alone; leave start out")
        trials, points = sweep.search.trials, sweep.search.points
        size = sum(1 for _ in itertools.islice(arm_space(arm).grid(points), trials + 1))
        if size > trials:
            raise sweep.error(
                "search", "trials",
                f"the grid of {name} has more than {trials} configurations; give as many trials as it has, fewer "
                f"search.points than {points}, or values in place of ranges",
            )  # fmt: skip


def _check_arm(sweep: Sweep, name: str) -> None:
    arm = sweep.arms[name]
    try:
        entry = optimizers.get(arm.optimizer)
    except InputError as error:
        raise sweep.error("arms", name, "optimizer", str(error)) from None
    try:
        space = arm_space(arm)
    except InputError as error:
        unknown_space = str(error).startswith("no space")
        raise sweep.error("arms", name, "space" if unknown_space else "parameters", str(error)) from None
    for parameter in space.parameters:
        _check_parameter(sweep, name, parameter, space.parameters[parameter], entry)
    for number, start in enumerate(arm.start):
        for parameter, value in start.items():
            _check_start(sweep, (name, "start", number, parameter), space, value)
    try:
        space.default()
        for part in space.formula_corners():
            for _ in itertools.islice(part.corners(), MAX_CORNERS):
                pass
        for configuration in itertools.islice(space.corners(), MAX_CORNERS):
            _check_configuration(entry, hyperparameters(configuration))
    except InputError as error:
        raise sweep.error("arms", name, *_blame(str(error), arm.parameters, entry), str(error)) from None


def _check_configuration(entry: OptimizerEntry, values: dict[str, Any]) -> None:
    values.pop(TRAINING, None)
    for part in entry.parts(values) or ("",):
        own = entry.for_part(values, part)
        entry.check(entry.with_budget(own, steps=NOMINAL_STEPS, epochs=NOMINAL_EPOCHS))


def _check_start(sweep: Sweep, place: tuple[str | int, ...], space: ArmSpace, value: Scalar) -> None:
    parameter = str(place[-1])
    if parameter not in space.parameters:
        raise sweep.error(
            "arms", *place,
            f'this arm searches over no "{parameter}"; it has {", ".join(space.parameters)}.'
            f"{did_you_mean(parameter, space.parameters)}",
        )  # fmt: skip
    if not space.parameters[parameter].contains(value):
        raise sweep.error("arms", *place, f"{value!r} is not among what the parameter may be")


def _check_parameter(sweep: Sweep, arm: str, name: str, parameter: Parameter, entry: OptimizerEntry) -> None:
    if name.startswith(f"{TRAINING}."):
        return
    place = ("parameters", name) if name in sweep.arms[arm].parameters else ("space",)
    _, owner = owner_of(name, entry.hyperparameters)
    if owner not in entry.hyperparameters:
        raise sweep.error(
            "arms", arm, *place,
            f'{entry.name} has no hyperparameter "{owner}"; it has {", ".join(entry.hyperparameters)}.'
            f"{did_you_mean(owner, entry.hyperparameters)}",
        )  # fmt: skip
    if isinstance(entry.hyperparameters[owner].domain, Integer) and parameter.distribution in CONTINUOUS:
        raise sweep.error(
            "arms", arm, *place,
            f"{owner} is a whole number; draw it by int_uniform or int_log_uniform, not by {parameter.distribution}",
        )  # fmt: skip


def _blame(message: str, own_parameters: Collection[str], entry: OptimizerEntry) -> tuple[str, ...]:
    """The arm's own parameter that the message speaks of, if there is one."""
    mentioned = [name for name in own_parameters if owner_of(name, entry.hyperparameters)[1] in message]
    return ("parameters", max(mentioned, key=len)) if mentioned else ("space",)
