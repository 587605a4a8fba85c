"""What the schema cannot say: names that must exist, and spaces that must stay inside what an optimizer allows."""

from __future__ import annotations

import itertools

import optimizers
from optimizers import InputError, did_you_mean
from optimizers.domains import Integer
from search_spaces.schema import INTEGER_DISTRIBUTIONS, NUMERIC_DISTRIBUTIONS, Sweep
from search_spaces.space import arm_space, hyperparameters

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
    evaluations = sweep.workload.evaluations
    if sweep.scheduler.type == "asha" and evaluations is not None and sweep.scheduler.grace > evaluations:
        raise sweep.error(
            "scheduler",
            "grace",
            f"a grace of {sweep.scheduler.grace} is more than a trial has: {sweep.workload.budget}",
        )
    for name in sweep.arms:
        _check_arm(sweep, name)


def _check_arm(sweep: Sweep, name: str) -> None:
    arm = sweep.arms[name]
    try:
        entry = optimizers.get(arm.optimizer)
    except InputError as error:
        raise sweep.error("arms", name, "optimizer", str(error)) from None
    try:
        space = arm_space(arm)
    except InputError as error:
        raise sweep.error("arms", name, "parameters" if "when names" in str(error) else "space", str(error)) from None
    for parameter in space.parameters:
        owner = parameter.partition(".")[0]
        if owner not in entry.hyperparameters:
            place = ("parameters", parameter) if parameter in arm.parameters else ("space",)
            raise sweep.error(
                "arms", name, *place,
                f'{arm.optimizer} has no hyperparameter "{owner}"; it has {", ".join(entry.hyperparameters)}.'
                f"{did_you_mean(owner, entry.hyperparameters)}",
            )  # fmt: skip
        distribution = space.parameters[parameter].distribution
        if isinstance(entry.hyperparameters[owner].domain, Integer) and distribution in CONTINUOUS:
            raise sweep.error(
                "arms", name, *(("parameters", parameter) if parameter in arm.parameters else ("space",)),
                f"{owner} is a whole number; draw it by int_uniform or int_log_uniform, not by {distribution}",
            )  # fmt: skip
    for configuration in itertools.islice(space.corners(), MAX_CORNERS):
        try:
            entry.check(entry.with_budget(hyperparameters(configuration), steps=NOMINAL_STEPS, epochs=NOMINAL_EPOCHS))
        except InputError as error:
            raise sweep.error("arms", name, *_blame(str(error), arm.parameters), str(error)) from None


def _blame(message: str, own_parameters: dict) -> tuple[str, ...]:
    """The arm's own parameter that the message speaks of, if there is one."""
    mentioned = [name for name in own_parameters if name.partition(".")[0] in message]
    return ("parameters", max(mentioned, key=len)) if mentioned else ("space",)
