"""An arm's space: its named spaces and own parameters merged, ordered, sampled and turned into hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

import optimizers
from optimizers import InputError, did_you_mean
from search_spaces import catalogue
from search_spaces.schema import INTEGER_DISTRIBUTIONS, Arm, Parameter, Scalar
from search_spaces.yaml_source import load_yaml

if TYPE_CHECKING:
    import optuna

Configuration = dict[str, Scalar]


class NamedSpace(BaseModel):
    """A file of ``search_spaces/spaces``: what it asks, and its parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    description: str
    parameters: dict[str, Parameter]


@lru_cache
def named_space(name: str) -> NamedSpace:
    """The space of that name. Raises InputError, with the nearest name, when there is none."""
    known = catalogue.names(catalogue.SPACES)
    if name not in known:
        raise InputError(f'no space is called "{name}"; there are {", ".join(known)}.{did_you_mean(name, known)}')
    path = catalogue.SPACES / f"{name}.yaml"
    try:
        return NamedSpace.model_validate(load_yaml(path.read_text(encoding="utf-8"), str(path)).data)
    except ValidationError as error:
        raise InputError(f"{path}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None


@dataclass(frozen=True)
class ArmSpace:
    """The search space of one arm; a parameter stands after those that its ``when`` names."""

    optimizer: str
    parameters: Mapping[str, Parameter]

    def active(self, name: str, chosen: Mapping[str, Scalar]) -> bool:
        """Whether ``name`` takes part, given the values chosen before it."""
        return all(
            condition in chosen and chosen[condition] in (wanted if isinstance(wanted, list) else [wanted])
            for condition, wanted in self.parameters[name].when.items()
        )

    def assemble(self, choose: Callable[[str, Parameter], Scalar]) -> Configuration:
        """A configuration whose active parameters get their value from ``choose``, conditions first."""
        configuration: Configuration = {}
        for name, parameter in self.parameters.items():
            if self.active(name, configuration):
                configuration[name] = choose(name, parameter)
        return configuration

    def suggest(self, trial: optuna.trial.BaseTrial) -> Configuration:
        """A configuration drawn through an Optuna trial (define-by-run)."""
        return self.assemble(lambda name, parameter: _suggest(trial, name, parameter))

    def default(self) -> Configuration:
        """The arm's first configuration: a parameter's default, else its optimizer's, else the middle of its range."""
        known = optimizers.get(self.optimizer).hyperparameters

        def choose(name: str, parameter: Parameter) -> Scalar:
            usual = known.get(name.removeprefix(f"{owner_of(name, known)[0]}."))
            candidates = [parameter.default, usual.default if usual else None, *_middles(parameter)]
            return next(value for value in candidates if value is not None and parameter.contains(value))

        return self.assemble(choose)

    def corners(self) -> Iterator[Configuration]:
        """Every combination of choices and range ends that the conditions allow."""
        names = list(self.parameters)

        def extend(configuration: Configuration, index: int) -> Iterator[Configuration]:
            if index == len(names):
                yield configuration
            elif not self.active(names[index], configuration):
                yield from extend(configuration, index + 1)
            else:
                for value in _corner_values(self.parameters[names[index]]):
                    yield from extend({**configuration, names[index]: value}, index + 1)

        return extend({}, 0)

    def count(self) -> float:
        """How many configurations there are; infinite as soon as one parameter has a range."""
        if any(parameter.min is not None for parameter in self.parameters.values()):
            return math.inf
        return sum(1 for _ in self.corners())

    def to_optuna(self, configuration: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The configuration under the names and in the units that the Optuna study stores."""
        stored: dict[str, Scalar] = {}
        for name, value in configuration.items():
            if self.parameters[name].distribution == "one_minus_log_uniform":
                stored[_one_minus(name)] = 1 - float(value)
            elif self.parameters[name].distribution != "constant":
                stored[name] = value
        return stored


def arm_space(arm: Arm) -> ArmSpace:
    """Merge an arm's named spaces, in order, and its own parameters over them.

    Raises InputError for an unknown space and for conditions that name no parameter or go round in a circle.
    """
    merged: dict[str, Parameter] = {}
    for space in arm.space:
        merged.update(named_space(space).parameters)
    merged.update(arm.parameters)
    return ArmSpace(arm.optimizer, _conditions_first(merged))


def hyperparameters(configuration: Mapping[str, Scalar]) -> dict[str, Any]:
    """Nest dotted names: ``{"beta1_schedule": "demon", "beta1_schedule.total": 9}`` becomes one schedule mapping."""
    nested: dict[str, Any] = {}
    below: dict[str, dict[str, Scalar]] = {}
    for name, value in configuration.items():
        owner, dot, key = name.partition(".")
        if dot:
            below.setdefault(owner, {})[key] = value
        else:
            nested[owner] = value
    for owner, values in below.items():
        kind = {"kind": nested[owner]} if owner in nested else {}
        nested[owner] = {**kind, **hyperparameters(values)}
    return nested


def owner_of(parameter: str, known: Collection[str]) -> tuple[str, str]:
    """The part of a model that a parameter is for, "" for all parts, and the hyperparameter that it belongs to.

    ``discriminator.beta1_schedule.total`` is for the discriminator and belongs to its beta1_schedule.
    """
    first, _, rest = parameter.partition(".")
    own = rest.partition(".")[0]
    return (first, own) if first not in known and own in known else ("", first)


def _conditions_first(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    ordered: dict[str, Parameter] = {}
    waiting = dict(parameters)
    for name, parameter in parameters.items():
        unknown = [condition for condition in parameter.when if condition not in parameters]
        if unknown:
            raise InputError(
                f'{name}: when names "{unknown[0]}", which is no parameter of this arm.'
                f"{did_you_mean(unknown[0], parameters)}"
            )
    while waiting:
        ready = [
            name for name, parameter in waiting.items() if all(condition in ordered for condition in parameter.when)
        ]
        if not ready:
            raise InputError(f"the conditions of {', '.join(waiting)} go round in a circle")
        for name in ready:
            ordered[name] = waiting.pop(name)
    return ordered


def _one_minus(name: str) -> str:
    return f"1-{name}"


def _suggest(trial: optuna.trial.BaseTrial, name: str, parameter: Parameter) -> Scalar:
    if parameter.value is not None:
        return parameter.value
    if parameter.values is not None:
        return cast(Scalar, trial.suggest_categorical(name, parameter.values))
    low, high = _bounds(parameter)
    match parameter.distribution:
        case "one_minus_log_uniform":
            return 1 - trial.suggest_float(_one_minus(name), 1 - high, 1 - low, log=True)
        case "int_uniform" | "int_log_uniform":
            return trial.suggest_int(name, int(low), int(high), log=parameter.distribution == "int_log_uniform")
        case _:
            return trial.suggest_float(name, low, high, log=parameter.distribution == "log_uniform")


def _bounds(parameter: Parameter) -> tuple[float, float]:
    if parameter.min is None or parameter.max is None:
        raise TypeError(f"a {parameter.distribution} parameter has no bounds")
    return parameter.min, parameter.max


def _corner_values(parameter: Parameter) -> Iterable[Scalar]:
    """The values at which a parameter can do the most harm: every choice, or both ends of its range."""
    if parameter.value is not None:
        return [parameter.value]
    if parameter.values is not None:
        return parameter.values
    low, high = _bounds(parameter)
    return [int(low), int(high)] if parameter.distribution in INTEGER_DISTRIBUTIONS else [low, high]


def _middles(parameter: Parameter) -> list[Scalar]:
    """Where to start without any default: no schedule, else the first choice or the middle of the range."""
    if parameter.value is not None:
        return [parameter.value]
    if parameter.values is not None:
        return ["constant", parameter.values[0]]
    low, high = _bounds(parameter)
    if parameter.distribution == "one_minus_log_uniform":
        return [1 - math.sqrt((1 - low) * (1 - high))]
    logarithmic = parameter.distribution in ("log_uniform", "int_log_uniform")
    middle = math.sqrt(low * high) if logarithmic else (low + high) / 2
    return [round(middle) if parameter.distribution in INTEGER_DISTRIBUTIONS else middle]
