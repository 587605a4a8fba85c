"""The ways to search that a sweep may name. Importing this imports no Optuna."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optimizers.registry import Registry
from search_spaces.schema._usual_names import METHOD

GRID = "grid"
BRUTE_FORCE = "BruteForceSampler"
CMAES = "CmaEsSampler"
# A suggestion takes half a second at 100 trials and 8.6 s at 1,000.
MOST_TRIALS_OF_GP = 100
_SAMPLERS = "search_spaces.study.samplers"


@dataclass(frozen=True)
class SearchMethod:
    """A way to search.

    ``target`` is the "module:function" that makes the Optuna sampler of one trial. It is given the sweep's ``Search``
    and a seed for the trial, of which alone the draws may depend beside the study, so that a search that was
    interrupted goes on as if it had not been. ``one_objective`` says that it cannot weigh several.
    """

    name: str
    description: str
    target: str
    one_objective: bool = False

    @property
    def origin(self) -> str:
        """Where it is defined."""
        return self.target


_OURS = (
    SearchMethod(
        "tpe",
        "tree-structured Parzen estimator, all parameters together, aware of what is still running; the default",
        f"{_SAMPLERS}:tpe",
    ),
    SearchMethod("random", "independent draws", f"{_SAMPLERS}:independent"),
    SearchMethod(
        "qmc", "a scrambled Sobol sequence, which fills the space more evenly than random draws", f"{_SAMPLERS}:sobol"
    ),
    # Its trials are queued; drawn at random are those after the last one of the grid.
    SearchMethod(
        GRID, "every combination of choices and of search.points values of each range", f"{_SAMPLERS}:independent"
    ),
    SearchMethod(
        "cmaes",
        "covariance matrix adaptation; parameters with conditions or choices are drawn by TPE",
        f"{_SAMPLERS}:cmaes",
        one_objective=True,
    ),
    SearchMethod(
        "gp", "Gaussian process; by TPE once the study has 100 trials, as its cost grows with their cube",
        f"{_SAMPLERS}:gaussian_process",
    ),
    SearchMethod("nsgaii", "genetic algorithm", f"{_SAMPLERS}:nsgaii"),
)  # fmt: skip

METHODS: Registry[SearchMethod] = Registry("method", _OURS, METHOD)
"""What a sweep may name beside the class names of Optuna's samplers."""


def register_method(method: SearchMethod) -> None:
    """Let sweeps name a way to search. InputError: the name is taken."""
    METHODS.register(method)


def method_problem(method: str, objectives: int) -> str | None:
    """What is wrong with a method: it is neither one of ours nor a sampler of Optuna's that a sweep can make.

    Or it cannot weigh so many objectives. None where nothing is.
    """
    known = method in METHODS
    if objectives > 1 and (METHODS.get(method).one_objective if known else method == CMAES):
        return f"{method} looks at one metric and cannot weigh tradeoffs; tpe, gp and nsgaii can"
    if known:
        return None
    if method.endswith("Sampler"):
        from optuna import samplers  # only here, as reading a sweep is to stay instant

        sampler = getattr(samplers, method, None)
        if sampler is not None and not method.startswith("Base"):
            return _what_it_lacks(method, sampler)
    return (
        f'no method is called "{method}"; there are {", ".join(METHODS.names())}, and the samplers of Optuna by their '
        f"class names, such as NSGAIIISampler.{METHODS.nearest(method)}"
    )


def _what_it_lacks(name: str, sampler: Callable[..., Any]) -> str | None:
    if name == "GridSampler":
        return "GridSampler needs a grid of its own; write grid, which makes it from the space"
    parameters = inspect.signature(sampler).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    return f"{name} cannot be made without {', '.join(needed)}, which a sweep does not know" if needed else None
