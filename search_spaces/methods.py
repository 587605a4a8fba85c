"""The ways to search that a sweep may name. Importing this imports no Optuna."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from optimizers import InputError, did_you_mean
from search_spaces.schema import Search

METHODS = {
    "tpe": "tree-structured Parzen estimator, all parameters together, aware of what is still running; the default",
    "random": "independent draws",
    "qmc": "a scrambled Sobol sequence, which fills the space more evenly than random draws",
    "grid": "every combination of choices and of search.points values of each range",
    "cmaes": "covariance matrix adaptation; parameters with conditions or choices are drawn by TPE",
    "gp": "Gaussian process; by TPE once the study has 100 trials, as its cost grows with their cube",
    "nsgaii": "genetic algorithm",
}
"""The names that a sweep may give, beside the class names of Optuna's samplers, with what they are."""

GRID = "grid"
OF_ONE_OBJECTIVE = ("cmaes", "CmaEsSampler")
# A suggestion takes half a second at 100 trials and 8.6 s at 1,000.
MOST_TRIALS_OF_GP = 100


def check_method(search: Search, objectives: int) -> None:
    """Raise InputError for a method that is neither ours nor the name of a sampler of Optuna's that needs no more.

    Also for one that cannot weigh so many objectives.
    """
    if objectives > 1 and search.method in OF_ONE_OBJECTIVE:
        raise InputError(f"{search.method} looks at one metric and cannot weigh tradeoffs; tpe, gp and nsgaii can")
    if search.method in METHODS:
        return
    if search.method.endswith("Sampler"):
        from optuna import samplers  # only here, as reading a sweep is to stay instant

        sampler = getattr(samplers, search.method, None)
        if sampler is not None and not search.method.startswith("Base"):
            _needs_nothing_more(search.method, sampler)
            return
    known = ", ".join(METHODS)
    raise InputError(
        f'no method is called "{search.method}"; there are {known}, and the samplers of Optuna by their class names, '
        f"such as NSGAIIISampler.{did_you_mean(search.method, METHODS)}"
    )


def _needs_nothing_more(name: str, sampler: Callable[..., Any]) -> None:
    parameters = inspect.signature(sampler).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    if needed:
        raise InputError(f"{name} cannot be made without {', '.join(needed)}, which a sweep does not know")
