"""The ways to search that a sweep may name. Importing this imports no Optuna."""

from __future__ import annotations

import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from optimizers import InputError, did_you_mean, user_code
from optimizers.errors import one_line
from optimizers.registry import Registry
from optimizers.user_code import Signature
from search_spaces.schema._usual_names import METHOD
from search_spaces.schema.sweep_file import Search

GRID = "grid"
BRUTE_FORCE = "BruteForceSampler"
CMAES = "CmaEsSampler"
# A suggestion takes half a second at 100 trials and 8.6 s at 1,000.
MOST_TRIALS_OF_GP = 100
SEED = "seed"
HUB = "optunahub"
_SAMPLERS = "search_spaces.study.samplers"
# What stands in for a sampler of Optuna's that would not do as it is.
_OURS_FOR = {BRUTE_FORCE: f"{_SAMPLERS}:BruteForce", CMAES: f"{_SAMPLERS}:CmaEs"}


@dataclass(frozen=True)
class SearchMethod:
    """A way to search.

    ``target`` is the "module:function" that makes the Optuna sampler of one trial. It is given the sweep's ``Search``
    and a seed for the trial, of which alone the draws may depend beside the study, so that a search that was
    interrupted goes on as if it had not been. One that is ``plain`` is a sampler's class, or a function that returns a
    sampler, and is given the arguments of the sweep's ``Search`` and, where it takes it, the seed. ``one_objective``
    says that it cannot weigh several, ``learns`` whether how trials end has a part in what is drawn after them.
    """

    name: str
    description: str
    target: str
    one_objective: bool = False
    plain: bool = False
    learns: bool = True

    @property
    def origin(self) -> str:
        """Where it is defined."""
        return self.target

    def load(self) -> Callable[..., Any]:
        """Import and return what ``target`` names. Raises InputError for code of a user's own that cannot be had."""
        if user_code.is_own(self.name):
            return of_hub(self.name) if is_of_hub(self.name) else user_code.resolve(self.name)
        return pkgutil.resolve_name(self.target)

    def signature(self) -> Signature | None:
        """Return what a plain one takes; None where that is not known, as of code that is not to be executed here.

        Raises InputError as :meth:`load`, and where the text of the code has no such class or function.
        """
        if user_code.is_own(self.name) and not user_code.is_importable(self.name):
            definition = None if is_of_hub(self.name) else user_code.definition_of(self.name)
            return definition and user_code.described_signature(definition)
        factory = self.load()
        if not callable(factory):
            raise InputError(f"{self.name} is neither a class nor a function, so it makes no sampler")
        try:
            return user_code.signature_of(factory)
        except ValueError:
            return None


_OURS = (
    SearchMethod(
        "tpe",
        "tree-structured Parzen estimator, all parameters together, aware of what is still running; the default",
        f"{_SAMPLERS}:tpe",
    ),
    SearchMethod("random", "independent draws", f"{_SAMPLERS}:independent", learns=False),
    SearchMethod(
        "qmc", "a scrambled Sobol sequence, which fills the space more evenly than random draws", f"{_SAMPLERS}:sobol",
        learns=False,
    ),
    # Its trials are queued; drawn at random are those after the last one of the grid.
    SearchMethod(
        GRID, "every combination of choices and of search.points values of each range", f"{_SAMPLERS}:independent",
        learns=False,
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


def _adopt(name: str, target: str, found: Any) -> SearchMethod:
    if isinstance(found, SearchMethod):
        return replace(found, name=name)
    return SearchMethod(name, (inspect.getdoc(found) or "a sampler").splitlines()[0], target, plain=True)


METHODS: Registry[SearchMethod] = Registry("method", _OURS, METHOD, group="adamant.samplers", adopt=_adopt)
"""What a sweep may name beside the class names of Optuna's samplers, and classes and functions of a user's own."""


def register_method(method: SearchMethod) -> None:
    """Let sweeps name a way to search. InputError: the name is taken."""
    METHODS.register(method)


def get_method(name: str) -> SearchMethod:
    """Return a way to search: one that is registered, a sampler of Optuna's by its class name, or "module:Class".

    InputError: there is none of that name, with the nearest.
    """
    if user_code.is_own(name):
        user_code.is_importable(name)
        return SearchMethod(name, "a sampler of the sweep's own", name, plain=True)
    if name.endswith("Sampler") and not name.startswith("Base") and name not in METHODS:
        from optuna import samplers  # only here, as reading a sweep is to stay instant

        if hasattr(samplers, name):
            target = _OURS_FOR.get(name, f"optuna.samplers:{name}")
            learns = name not in ("RandomSampler", "QMCSampler", BRUTE_FORCE)
            return SearchMethod(name, "a sampler of Optuna's", target, name == CMAES, plain=True, learns=learns)
    if name not in METHODS and not METHODS.is_claimed(name):
        raise InputError(
            f'no method is called "{name}"; there are {", ".join(METHODS.names())}, the samplers of Optuna by their '
            f"class names, such as NSGAIIISampler, and your own by module:Class.{METHODS.nearest(name)}"
        )
    return METHODS.get(name)


def window_of(search: Search) -> float:
    """Return how many trials before the next one need not have ended when it is drawn; infinite for independent draws.

    Raises InputError as :func:`get_method`.
    """
    if not get_method(search.method).learns:
        return math.inf
    return search.window or search.usual_window


def method_problems(search: Search, objectives: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with a search, and at which key of it: its method, arguments that do not go with it.

    Or that it cannot weigh so many objectives.
    """
    try:
        method = get_method(search.method)
        signature = method.signature() if method.plain else None
    except InputError as error:
        yield ("method",), str(error)
        return
    if objectives > 1 and method.one_objective:
        yield ("method",), f"{method.name} looks at one metric and cannot weigh tradeoffs; tpe, gp and nsgaii can"
    elif method.name == "GridSampler":
        yield ("method",), "GridSampler needs a grid of its own; write grid, which makes it from the space"
    elif not method.plain and search.arguments:
        yield ("arguments",), f"{method.name} takes no arguments; name a sampler by its class, such as TPESampler"
    elif signature is not None:
        yield from _wrong_arguments(method.name, signature, search.arguments)


def _wrong_arguments(name: str, takes: Signature, given: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for argument in given:
        if argument == SEED:
            yield ("arguments", argument), "the seed of a trial follows from search.seed; leave this one out"
        elif argument not in takes.names and not takes.open_ended:
            known = [one for one in takes.names if one != SEED]
            has = f"it has {', '.join(known)}" if known else "it has none"
            yield ("arguments", argument), f'{name} has no argument "{argument}"; {has}.{did_you_mean(argument, known)}'
    missing = [one for one in takes.required if one != SEED and one not in given]
    if missing:
        yield ("method",), f"{name} cannot be made without {', '.join(missing)}; give them under search.arguments"


def is_of_hub(name: str) -> bool:
    """Whether a name is "optunahub:PACKAGE:CLASS", a class of a package of OptunaHub's."""
    return name.startswith(f"{HUB}:") and name.count(":") == 2


def of_hub(name: str) -> Callable[..., Any]:
    """Return a class of a package of OptunaHub's, from its cache on this machine or else by download.

    Raises InputError where it cannot be had.
    """
    _, package, attribute = name.split(":")
    try:
        module = user_code.resolve(f"{HUB}:load_module")(package)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{package} cannot be had from OptunaHub ({type(error).__name__}: {one_line(error)[:200]}); load it once "
            "where there is a network, whose cache a sweep then takes it from"
        ) from error
    if not hasattr(module, attribute):
        public = [one for one in vars(module) if not one.startswith("_")]
        raise InputError(f'{package} of OptunaHub has no "{attribute}".{did_you_mean(attribute, public)}')
    return getattr(module, attribute)
