"""What the registry holds of an optimizer: its class by name, and its hyperparameters with their domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizers import schedules
from optimizers.domains import Plain
from optimizers.errors import InputError, Problem, did_you_mean
from optimizers.hyperparameter import Hyperparameter, ScheduleOf, check_all

_OF_TORCH = ("params", "name", "initial_lr")
"""Keys of a param group that say nothing of the optimizer."""
MEANINGS = {
    "alpha": ("beta2",),
    "amsgrad": ("ams_bound",),
    "beta": ("beta1", "momentum"),
    "beta_1": ("beta1",),
    "beta_2": ("beta2",),
    "betas": ("beta1", "beta2"),
    "decay": ("weight_decay",),
    "epsilon": ("eps",),
    "l2": ("weight_decay",),
    "learning_rate": ("lr",),
    "learningrate": ("lr",),
    "momentum": ("beta1",),
    "rate": ("lr",),
    "rho": ("beta2", "alpha"),
    "step_size": ("lr",),
    "wd": ("weight_decay",),
    "weightdecay": ("weight_decay",),
}
"""Hyperparameters by the names that papers and other libraries give them."""


@dataclass(frozen=True)
class OptimizerEntry:
    """One optimizer that a sweep can name.

    `target` is "module:Class". `rule` is the update, in lines to be read as they stand; `special_cases` say which
    settings equal what else. `hyperparameters` go by their names in a sweep; `tuples` says which of them the class
    takes together, as torch's `betas` stands for `beta1` and `beta2`. `fixed` holds keyword arguments that are
    always passed, such as `fused=True`, unless the parameters do not allow it. `rules` raise InputError for values
    that are impossible together. `lengths` are hyperparameters that are the number of steps of the trial where none
    is given. `learning_rates` are the hyperparameters that scale a step, each for one kind of parameter. `base` is the
    entry of the optimizer that this one is built around, whose hyperparameters are among its own.

    `target` may also be a function that takes the parameters and returns an optimizer. One that is `open_ended` takes
    settings beside its hyperparameters, as a constructor with `**options` does: those of `others`, or any where that is
    None.

    Flags that a training loop acts on: `averages_weights`, the optimizer has `train()` and `eval()`, which exchange
    the weights that are trained for those that are meant to be used; `hides_non_finite`, an update made from a
    gradient with nan or inf may look healthy, so `build` makes the optimizer refuse it.
    """

    name: str
    target: str
    summary: str
    rule: str
    source: str
    hyperparameters: Mapping[str, Hyperparameter]
    special_cases: tuple[str, ...] = ()
    tuples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[Callable[[Mapping[str, Any]], None], ...] = ()
    lengths: tuple[str, ...] = ()
    learning_rates: tuple[str, ...] = ("lr",)
    base: OptimizerEntry | None = None
    averages_weights: bool = False
    hides_non_finite: bool = False
    open_ended: bool = False
    others: frozenset[str] | None = None

    @property
    def origin(self) -> str:
        """Where it is defined."""
        return self.target

    def check(self, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return every hyperparameter in its canonical form, defaults filled in.

        A schedule may still lack its `stop` or `total`, which the trial's budget fills. InputError: an
        unknown name, a value outside its domain, values that are impossible together.
        """
        further = {name: value for name, value in hyperparameters.items() if self._takes_beside(name)}
        known = {name: value for name, value in hyperparameters.items() if name not in further}
        values = check_all(known, self.hyperparameters, self.name, self.unknown)
        values |= {name: Plain().check(value, f"{self.name}: {name}") for name, value in further.items()}
        self._check_schedules(values)
        for rule in self.rules:
            rule(values)
        return values

    def takes(self, name: str) -> bool:
        """Return whether there is a setting of that name."""
        return name in self.hyperparameters or self._takes_beside(name)

    def _takes_beside(self, name: str) -> bool:
        known = name in self.hyperparameters or name in self.tuples
        return self.open_ended and not known and (self.others is None or name in self.others)

    def unknown(self, name: str) -> Problem:
        """Return what to say of a name that is no hyperparameter, with the nearest, or those that it stands for."""
        if name in self.tuples:
            sentence = f"{self.name} takes {name} one by one, as {', '.join(self.tuples[name])}."
        else:
            hint = did_you_mean(name, [*self.hyperparameters, *(self.others or ())], MEANINGS)
            known = ", ".join(self.hyperparameters) or "none"
            sentence = f'{self.name} has no hyperparameter "{name}"; it has {known}.{hint}'
        return Problem(sentence, (name,))

    def parts(self, hyperparameters: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """Settings of one part of a model each, by the part's name: mappings under what is no hyperparameter."""
        return {
            name: value
            for name, value in hyperparameters.items()
            if name not in self.hyperparameters and isinstance(value, Mapping)
        }

    def for_part(self, hyperparameters: Mapping[str, Any], part: str) -> dict[str, Any]:
        """What holds for one part of a model: the settings of all parts, its own put over them."""
        parts = self.parts(hyperparameters)
        shared = {name: value for name, value in hyperparameters.items() if name not in parts}
        return {**shared, **parts.get(part, {})}

    def check_group(self, group: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """A param group, whose keys may stand in place of the checked `values`, as keyword arguments of the class.

        Hyperparameters that the class takes together may come together. InputError: as `check`.
        """
        own: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for key, value in group.items():
            if key in _OF_TORCH:
                others[key] = value
            elif key in self.tuples and isinstance(value, tuple | list) and len(value) == len(self.tuples[key]):
                own.update(zip(self.tuples[key], value, strict=True))
            elif self.takes(key):
                own[key] = value
            else:
                raise InputError(self.unknown(key))
        arguments = self.arguments(self.check({**values, **own}))
        together = {member: name for name, members in self.tuples.items() for member in members}
        names = [together.get(key, key) for key in own]
        return {**others, **{name: arguments[name] for name in names}}

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments of the class for checked values: those that it takes together in tuples."""
        together = {name: tuple(values[member] for member in members) for name, members in self.tuples.items()}
        members = {member for names in self.tuples.values() for member in names}
        return {**{name: value for name, value in values.items() if name not in members}, **together}

    def with_budget(self, hyperparameters: Mapping[str, Any], *, steps: int, epochs: int) -> dict[str, Any]:
        """Return the hyperparameters with the length of the trial filled into their schedules, and as their lengths.

        InputError: as `schedules.with_budget`.
        """
        filled = {**dict.fromkeys(self.lengths, steps), **hyperparameters}
        for name in self._schedules():
            if name in filled:
                owner = f"{self.name}: {name}"
                try:
                    filled[name] = schedules.with_budget(filled[name], steps=steps, epochs=epochs, owner=owner)
                except InputError as error:
                    raise error.about(name) from None
        return filled

    def depending_on_length(self, filled: Mapping[str, Any]) -> list[str]:
        """Return those of the schedules of `with_budget` whose values are known for a trial of known length alone."""
        return [name for name in self._schedules() if name in filled and schedules.depends_on_length(filled[name])]

    def check_over_length(self, hyperparameters: Mapping[str, Any], *, steps: int, epochs: int) -> None:
        """Check the given schedules whose values are known for a trial of known length alone, for one of this length.

        InputError: as `schedules.check`.
        """
        filled = self.with_budget(hyperparameters, steps=steps, epochs=epochs)
        for name in self.depending_on_length(filled):
            schedule = self._schedules()[name]
            base = filled.get(schedule.coefficient, self.hyperparameters[schedule.coefficient].default)
            if base is not None:
                try:
                    schedules.check(filled[name], base, f"{self.name}: {name}", schedule.values)
                except InputError as error:
                    raise error.about(name, schedule.coefficient) from None

    def _schedules(self) -> dict[str, ScheduleOf]:
        """The schedules among the hyperparameters."""
        return {name: one.domain for name, one in self.hyperparameters.items() if isinstance(one.domain, ScheduleOf)}

    def _check_schedules(self, values: Mapping[str, Any]) -> None:
        for name, schedule in self._schedules().items():
            base = values[schedule.coefficient]
            if base is not None:
                owner = f"{self.name}: {name}"
                try:
                    schedules.check_any_length(values[name], base, owner, schedule.values)
                except InputError as error:
                    raise error.about(name, schedule.coefficient) from None
