"""The ways to search that a sweep may name. Importing this imports no Optuna."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from optimizers import did_you_mean
from search_spaces.schema._usual_names import METHOD

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
BRUTE_FORCE = "BruteForceSampler"
OF_ONE_OBJECTIVE = ("cmaes", "CmaEsSampler")
# A suggestion takes half a second at 100 trials and 8.6 s at 1,000.
MOST_TRIALS_OF_GP = 100


def method_problem(method: str, objectives: int) -> str | None:
    """What is wrong with a method: it is neither one of ours nor a sampler of Optuna's that a sweep can make.

    Or it cannot weigh so many objectives. None where nothing is.
    """
    if objectives > 1 and method in OF_ONE_OBJECTIVE:
        return f"{method} looks at one metric and cannot weigh tradeoffs; tpe, gp and nsgaii can"
    if method in METHODS:
        return None
    if method.endswith("Sampler"):
        from optuna import samplers  # only here, as reading a sweep is to stay instant

        sampler = getattr(samplers, method, None)
        if sampler is not None and not method.startswith("Base"):
            return _what_it_lacks(method, sampler)
    known = ", ".join(METHODS)
    return (
        f'no method is called "{method}"; there are {known}, and the samplers of Optuna by their class names, '
        f"such as NSGAIIISampler.{did_you_mean(method, METHODS, METHOD)}"
    )


def _what_it_lacks(name: str, sampler: Callable[..., Any]) -> str | None:
    if name == "GridSampler":
        return "GridSampler needs a grid of its own; write grid, which makes it from the space"
    parameters = inspect.signature(sampler).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    return f"{name} cannot be made without {', '.join(needed)}, which a sweep does not know" if needed else None
