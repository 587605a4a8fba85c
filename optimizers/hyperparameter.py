"""A hyperparameter of an optimizer, or an option of anything else: its default, domain, unit and meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optimizers import schedules
from optimizers.domains import DECAY, Domain, Real
from optimizers.errors import InputError, Problem


@dataclass(frozen=True)
class ScheduleOf:
    """A schedule of the named coefficient, which is another hyperparameter of the same optimizer.

    `values` are those that the coefficient may take.
    """

    coefficient: str
    values: Real = DECAY

    def check(self, value: Any, name: str) -> dict[str, Any]:
        """Return the schedule normalised; its values are checked with the coefficient's, by the entry."""
        return schedules.normalise(value, name)

    def describe(self) -> str:
        """Such as "a schedule of beta1 (constant, linear, ...)"."""
        return f"a schedule of {self.coefficient} ({', '.join(schedules.kinds_for(self.values))})"


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter: its default, what it is, what it may be, and in which unit it counts, if in any.

    One that is `required` has no default, and must be given.
    """

    default: Any
    description: str
    domain: Domain
    unit: str = ""
    required: bool = False

    def describe(self) -> str:
        """What it may be, in words."""
        return self.domain.describe()


def check_all(
    given: Mapping[str, Any],
    hyperparameters: Mapping[str, Hyperparameter],
    owner: str,
    unknown: Callable[[str], Problem],
) -> dict[str, Any]:
    """Return every hyperparameter in its canonical form, defaults filled in; `owner` names their owner in errors.

    InputError with every problem: a required one that is missing, a value outside its domain, and of a name that there
    is not what `unknown` returns.
    """
    problems = [unknown(name) for name in given if name not in hyperparameters]
    values: dict[str, Any] = {}
    for name, one in hyperparameters.items():
        if one.required and name not in given:
            problems.append(Problem(f"{owner}: {name} is required, as it has no default.", (name,)))
            continue
        try:
            values[name] = one.domain.check(given.get(name, one.default), f"{owner}: {name}")
        except InputError as error:
            problems.extend(error.about(name).problems)
    if problems:
        raise InputError(*problems)
    return values
