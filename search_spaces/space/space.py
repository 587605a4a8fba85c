"""An arm's space: its named spaces and own parameters merged, ordered, sampled and turned into hyperparameters."""

from __future__ import annotations

import itertools
import math
from collections import ChainMap
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

import optimizers
from optimizers import Hyperparameter, InputError, OptimizerEntry, did_you_mean
from search_spaces.schema import bounds
from search_spaces.schema.bounds import Values
from search_spaces.schema.parameter import Parameter, Scalar
from search_spaces.schema.sweep_file import Arm
from search_spaces.schema.validation import validated
from search_spaces.schema.yaml_source import load_yaml, read_text
from search_spaces.space import draws
from search_spaces.space.ready_files import DEFAULT, DEFAULT_SPACES, SPACES
from search_spaces.tracking.codec import nest
from trainables.mlflow_contract import Section

if TYPE_CHECKING:
    import optuna

Configuration = dict[str, Scalar]

TRAINING = str(Section.TRAINING)
"""What stands before the parameters that say how a trial is trained, and not by which optimizer."""
KIND = ".kind"
"""What a schedule's name is called in a mapping of its settings."""


class NamedSpace(BaseModel):
    """A file of ``search_spaces/spaces``: what it asks, and its parameters, over those of the spaces it includes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    description: str
    include: list[str] = []
    parameters: dict[str, Parameter] = {}

    def merged(self) -> dict[str, Parameter]:
        """Its own parameters and those of the spaces that it includes."""
        included = [named_space(name).merged() for name in self.include]
        return {name: one for parameters in (*included, self.parameters) for name, one in parameters.items()}


def named_space(name: str) -> NamedSpace:
    """The space of that name. Raises InputError, with the nearest name, when there is none."""
    if unknown := unknown_space(name):
        raise InputError(unknown)
    return _read(SPACES.get(name).path)


def unknown_space(name: str) -> str | None:
    """What to say of a name that no space has, with the nearest; None for a known one."""
    known = [*SPACES.names(), DEFAULT]
    if name in known:
        return None
    return f'no space is called "{name}"; there are {", ".join(known)}.{did_you_mean(name, known)}'


def default_space(entry: OptimizerEntry) -> NamedSpace:
    """What a search of that optimizer usually varies, of the one that it is built around as well.

    Raises InputError when the optimizer has no such space.
    """
    name = entry.name.partition("(")[0]
    if name not in DEFAULT_SPACES:
        raise InputError(f"{name} has no default space; name a space, or give parameters")
    own = _read(DEFAULT_SPACES.get(name).path)
    if entry.base is None:
        return own
    base = default_space(entry.base)
    return NamedSpace(description=own.description, parameters={**base.merged(), **own.merged()})


@lru_cache
def _read(path: Path) -> NamedSpace:
    return validated(NamedSpace, load_yaml(read_text(path), str(path)))


@dataclass(frozen=True)
class ArmSpace:
    """The search space of one arm; a parameter stands after those that its ``when`` names."""

    optimizer: str
    parameters: Mapping[str, Parameter]
    entry: OptimizerEntry = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the optimizer's entry: that of a user's class is known while its sweep is read."""
        object.__setattr__(self, "entry", optimizers.get(self.optimizer))

    def active(self, name: str, chosen: Mapping[str, Scalar]) -> bool:
        """Whether ``name`` takes part, given the values chosen before it."""
        return all(
            condition in chosen and chosen[condition] in (wanted if isinstance(wanted, list) else [wanted])
            for condition, wanted in self.parameters[name].when.items()
        )

    def assemble(self, choose: Callable[[str, Parameter, Values], Scalar]) -> Configuration:
        """A configuration whose active parameters get their value from ``choose``, those that they depend on first.

        ``choose`` is told name, parameter, and what its formulas may name: what is chosen, else the optimizer's
        defaults.
        """
        configuration: Configuration = {}
        for name, parameter in self.parameters.items():
            if self.active(name, configuration):
                configuration[name] = choose(name, parameter, self._values(configuration))
        return configuration

    def _values(self, chosen: Mapping[str, Scalar]) -> Values:
        return ChainMap(dict(chosen), {name: one.default for name, one in self._known().items()})

    def _known(self) -> Mapping[str, Hyperparameter]:
        return self.entry.hyperparameters

    def suggest(self, trial: optuna.trial.BaseTrial) -> Configuration:
        """A configuration drawn through an Optuna trial (define-by-run)."""
        return self.assemble(lambda name, parameter, values: draws.draw(trial, name, parameter, values))

    def default(self, given: Mapping[str, Scalar] | None = None) -> Configuration:
        """The arm's first configuration: a parameter's default, else its optimizer's, else the middle of its range.

        Before all of these come the values ``given``, where the space holds them.
        """
        known, wanted = self._known(), given or {}

        def choose(name: str, parameter: Parameter, values: Values) -> Scalar:
            usual = known.get(name.removeprefix(f"{owner_of(name, known)[0]}."))
            candidates = [
                wanted.get(name),
                parameter.default,
                usual.default if usual else None,
                *draws.middles(name, parameter, values),
            ]
            return next(
                value for value in candidates if value is not None and draws.holds(name, parameter, value, values)
            )

        return self.assemble(choose)

    def corners(self) -> Iterator[Configuration]:
        """Every combination of choices and range ends that the conditions allow."""
        return self.grid(2)

    def grid(self, points: int) -> Iterator[Configuration]:
        """Every combination of choices and of so many values of each range that the conditions allow."""
        names = list(self.parameters)

        def extend(configuration: Configuration, index: int) -> Iterator[Configuration]:
            if index == len(names):
                yield configuration
            elif not self.active(names[index], configuration):
                yield from extend(configuration, index + 1)
            else:
                for value in draws.grid(
                    names[index], self.parameters[names[index]], self._values(configuration), points
                ):
                    yield from extend({**configuration, names[index]: value}, index + 1)

        return extend({}, 0)

    def scheduled_coefficients(self) -> list[str]:
        """The parameters with a range that the optimizer can change in time, and that have no other schedule."""
        known = self._known()
        return [
            name
            for name, parameter in self.parameters.items()
            if parameter.min is not None and f"{name}_schedule" in known and f"{name}_schedule" not in self.parameters
        ]

    def formula_corners(self) -> Iterator[ArmSpace]:
        """For each bound that is a formula, the space of what it depends on and itself: few enough for all corners."""
        for name, parameter in self.parameters.items():
            if parameter.formulas:
                yield self.only([name])

    def only(self, names: Collection[str]) -> ArmSpace:
        """The space of some parameters, and of what they depend on."""
        needed = self._needed(set(names))
        return ArmSpace(self.optimizer, {one: self.parameters[one] for one in self.parameters if one in needed})

    def _needed(self, names: set[str]) -> set[str]:
        chosen = [self.parameters[name] for name in names]
        formulas = itertools.chain.from_iterable(parameter.formulas for parameter in chosen)
        named = set().union(*(parameter.when for parameter in chosen), *map(bounds.names, formulas))
        direct = named & self.parameters.keys()
        return names if direct <= names else self._needed(names | direct)

    def endless(self, most: int) -> list[str]:
        """The parameters that can take more than so many values: every range of numbers that are not whole."""
        return [name for name, parameter in self.parameters.items() if draws.choices(parameter) > most]

    def count(self) -> float:
        """How many configurations there are; infinite as soon as one parameter has a range."""
        if any(parameter.min is not None for parameter in self.parameters.values()):
            return math.inf
        return sum(1 for _ in self.corners())

    def to_optuna(self, configuration: Configuration) -> dict[str, Scalar]:
        """The configuration under the names and in the units that the Optuna study stores."""
        kept: dict[str, Scalar] = {}
        before: Configuration = {}
        for name in self.parameters:
            if name in configuration:
                kept |= draws.stored(name, self.parameters[name], configuration[name], self._values(before))
                before[name] = configuration[name]
        return kept


def arm_space(arm: Arm) -> ArmSpace:
    """Merge an arm's named spaces, in order, and its own parameters over them; without any, its optimizer's default.

    Raises InputError for an unknown space, for conditions and formulas that name nothing, or that go round in a circle.
    """
    entry = optimizers.get(arm.optimizer)
    merged: dict[str, Parameter] = {}
    for space in arm.space or ([] if arm.parameters else [DEFAULT]):
        merged.update((default_space(entry) if space == DEFAULT else named_space(space)).merged())
    merged.update(arm.parameters)
    return ArmSpace(arm.optimizer, _dependencies_first(merged, entry))


def hyperparameters(configuration: Mapping[str, Scalar]) -> dict[str, Any]:
    """Nest dotted names: ``{"beta1_schedule": "demon", "beta1_schedule.total": 9}`` becomes one schedule mapping."""

    def has_settings(name: str) -> bool:
        return any(other.startswith(f"{name}.") for other in configuration)

    return nest({f"{name}{KIND}" if has_settings(name) else name: value for name, value in configuration.items()})


def configuration_of(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Name flattened hyperparameters as an arm's parameters: the opposite of :func:`hyperparameters`."""
    return dict(sorted((name.removesuffix(KIND), value) for name, value in flat.items()))


def owner_of(parameter: str, known: Collection[str]) -> tuple[str, str]:
    """The part of a model that a parameter is for, "" for all parts, and the hyperparameter that it belongs to.

    ``discriminator.beta1_schedule.total`` is for the discriminator and belongs to its beta1_schedule.
    """
    first, _, rest = parameter.partition(".")
    own = rest.partition(".")[0]
    return (first, own) if first not in known and own in known else ("", first)


def _dependencies_first(parameters: Mapping[str, Parameter], entry: OptimizerEntry) -> dict[str, Parameter]:
    needs: dict[str, set[str]] = {}
    for name, parameter in parameters.items():
        for condition in parameter.when:
            if condition not in parameters:
                raise InputError(
                    f'{name}: when names "{condition}", which is no parameter of this arm.'
                    f"{did_you_mean(condition, parameters)}"
                ).about(name)
        named = set().union(*map(bounds.names, parameter.formulas))
        for other in sorted(one for one in named - parameters.keys() if not entry.takes(one)):
            raise InputError(
                f'{name}: a bound names "{other}", which is no parameter of this arm or of {entry.name}.'
                f"{did_you_mean(other, [*parameters, *entry.hyperparameters])}"
            ).about(name)
        needs[name] = {*parameter.when, *(named & parameters.keys())}
    ordered: dict[str, Parameter] = {}
    waiting = dict(parameters)
    while waiting:
        ready = [name for name in waiting if needs[name] <= ordered.keys()]
        if not ready:
            raise InputError(f"the conditions and bounds of {', '.join(waiting)} go round in a circle").about(*waiting)
        for name in ready:
            ordered[name] = waiting.pop(name)
    return ordered
