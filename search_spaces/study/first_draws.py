"""Trying a sampler out before a sweep begins: on studies in memory, of which nothing is kept."""

from __future__ import annotations

import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from optimizers import InputError, user_code
from optimizers.errors import one_line
from search_spaces.schema.workload_keys import Goal
from search_spaces.space.space import Configuration
from search_spaces.study.drawing import Drawing
from search_spaces.sweep.resolved import Sweep

# The first is the default configuration, which no sampler draws; the others are drawn with some trials in the study.
TRIALS = 4


def check_sampler(sweep: Sweep) -> None:
    """Raise InputError where the sweep's sampler cannot search its arms.

    It is looked at whether it draws at all, and whether it draws the same from the same study and the same seed, as a
    search that is resumed must.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for arm in sweep.arms:
        first, second = _draws(sweep, arm), _draws(sweep, arm)
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            if one != other:
                raise _wrong(
                    sweep,
                    f"draws {one} and, asked again, {other} as trial {number} of {arm}; a sampler must follow from the "
                    "study and its seed alone, so that a search can be resumed: take seed, and draw by it",
                )


def _draws(sweep: Sweep, arm: str) -> list[Configuration]:
    """The configurations of the first trials, whose metrics are made up."""
    goals: list[Goal] = [objective.goal for objective in sweep.objectives]
    space = sweep.arms[arm].space
    try:
        drawing = Drawing(sweep.search, space, goals)
        drawn: list[Configuration] = []
        for number in range(TRIALS):
            one = drawing.draw(None if number else space.to_optuna(space.default()))
            drawn.append(one.configuration or {})  # none where nothing lies between bounds that follow from the rest
            _check_ranges(one.trial)
            one.trial.state, one.trial.values = TrialState.COMPLETE, [float(number)] * len(goals)
            drawing.end(one.trial)
        return drawn
    except InputError as error:
        raise sweep.file.error("search", "method", str(error)) from error
    except Exception as error:
        told = f"cannot search the space of {arm} ({type(error).__name__}: {one_line(error)})"
        raise _wrong(sweep, told, error) from error


def _check_ranges(trial: FrozenTrial) -> None:
    """Raise ValueError for a drawn number beyond its range, which Optuna takes from a sampler as it is."""
    for name, value in trial.params.items():
        drawn_from = trial.distributions[name]
        ranged = isinstance(drawn_from, FloatDistribution | IntDistribution)
        if ranged and not drawn_from.low <= value <= drawn_from.high:
            raise ValueError(f"it draws {value!r} for {name}, which lies in [{drawn_from.low:g}, {drawn_from.high:g}]")


def _wrong(sweep: Sweep, told: str, error: BaseException | None = None) -> InputError:
    place = user_code.place_of(error.__traceback__) if error else ""
    return sweep.file.error("search", "method", f"{f'{place}: ' if place else ''}{sweep.search.method} {told}")
