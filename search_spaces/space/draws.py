"""One parameter: how it is drawn through Optuna, how a value is stored there, and which values say most about it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from optimizers import InputError
from search_spaces.schema import bounds
from search_spaces.schema.parameter import INTEGER_DISTRIBUTIONS, Parameter, Scalar

if TYPE_CHECKING:
    import optuna

Range = tuple[float, float]


def range_of(name: str, parameter: Parameter, values: bounds.Values) -> Range:
    """Least and greatest value of the parameter, formulas calculated from ``values``.

    Raises InputError for a formula that cannot be calculated, and where nothing is left between the two.
    """
    if parameter.min is None or parameter.max is None:
        raise TypeError(f"a {parameter.distribution} parameter has no range")
    try:
        low, high = (bounds.evaluate(bound, values) for bound in (parameter.min, parameter.max))
        if parameter.formulas:
            parameter.check_range(low, high)
    except InputError as error:
        raise InputError(f"{name}: {error}").about(name) from None
    return low, high


def draw(trial: optuna.trial.BaseTrial, name: str, parameter: Parameter, values: bounds.Values) -> Scalar:
    """The parameter's value in an Optuna trial, given the ``values`` that formulas may name."""
    if parameter.value is not None:
        return parameter.value
    if parameter.values is not None:
        return cast(Scalar, trial.suggest_categorical(name, parameter.values))
    low, high = range_of(name, parameter, values)
    if parameter.formulas:
        return _at(parameter, low, high, trial.suggest_float(_share_name(name), 0, 1))
    match parameter.distribution:
        case "one_minus_log_uniform":
            return 1 - trial.suggest_float(_one_minus_name(name), 1 - high, 1 - low, log=True)
        case "int_uniform" | "int_log_uniform":
            return trial.suggest_int(name, int(low), int(high), log=parameter.distribution == "int_log_uniform")
        case _:
            return trial.suggest_float(name, low, high, log=parameter.distribution == "log_uniform")


def holds(name: str, parameter: Parameter, value: Scalar, values: bounds.Values) -> bool:
    """Whether the parameter can take this value, given the ``values`` that formulas may name."""
    if not parameter.formulas:
        return parameter.contains(value)
    low, high = range_of(name, parameter, values)
    return isinstance(value, int | float) and low <= value <= high


def stored(name: str, parameter: Parameter, value: Scalar, values: bounds.Values) -> dict[str, Scalar]:
    """The value under the name and in the unit that the study keeps: the reverse of :func:`draw`.

    Where a bound is a formula, the study keeps the share of the way between the bounds, because a sampler learns
    nothing from ranges that differ from trial to trial.
    """
    if parameter.formulas:
        low, high = range_of(name, parameter, values)
        return {_share_name(name): _share(parameter, low, high, float(value))}
    if parameter.distribution == "one_minus_log_uniform":
        return {_one_minus_name(name): 1 - float(value)}
    return {} if parameter.distribution == "constant" else {name: value}


def moved(name: str, parameter: Parameter, value: Scalar, step: float, values: bounds.Values) -> Scalar:
    """The value so far along its distribution's own scale, as a share of the range, and not beyond its ends."""
    low, high = range_of(name, parameter, values)
    share = min(max(_share(parameter, low, high, float(value)) + step, 0.0), 1.0)
    there = _at(parameter, low, high, share)
    return round(there) if parameter.distribution in INTEGER_DISTRIBUTIONS else there


def grid(name: str, parameter: Parameter, values: bounds.Values, points: int) -> Iterable[Scalar]:
    """Every choice, or so many values of a range, its ends included, evenly along the distribution's own scale."""
    if parameter.value is not None:
        return [parameter.value]
    if parameter.values is not None:
        return parameter.values
    low, high = range_of(name, parameter, values)
    inside = [_at(parameter, low, high, step / (points - 1)) for step in range(1, points - 1)]
    along: list[float] = [low, *inside, high]
    return list(dict.fromkeys(map(round, along) if parameter.distribution in INTEGER_DISTRIBUTIONS else along))


def choices(parameter: Parameter) -> float:
    """How many values there are; infinite for a range of numbers that are not whole, or that depends on others."""
    if parameter.min is None:
        return len(parameter.values or [parameter.value])
    low, high = parameter.min, parameter.max
    if parameter.distribution not in INTEGER_DISTRIBUTIONS or not isinstance(low, float) or not isinstance(high, float):
        return math.inf
    return high - low + 1


def middles(name: str, parameter: Parameter, values: bounds.Values) -> list[Scalar]:
    """Where to start without any default: no schedule, else the first choice or the middle of the range."""
    if parameter.value is not None:
        return [parameter.value]
    if parameter.values is not None:
        return ["constant", parameter.values[0]]
    middle = _at(parameter, *range_of(name, parameter, values), 0.5)
    return [round(middle) if parameter.distribution in INTEGER_DISTRIBUTIONS else middle]


def _at(parameter: Parameter, low: float, high: float, share: float) -> float:
    """The value at a share of the way from ``low`` to ``high``, along the distribution's own scale."""
    match parameter.distribution:
        case "one_minus_log_uniform":
            there = 1 - (1 - low) ** (1 - share) * (1 - high) ** share
        case "log_uniform" | "int_log_uniform":
            there = low ** (1 - share) * high**share
        case _:
            there = low + share * (high - low)
    # Rounding must not lead out of the range.
    return min(max(there, low), high)


def _share(parameter: Parameter, low: float, high: float, value: float) -> float:
    if low == high:
        return 0.0
    match parameter.distribution:
        case "one_minus_log_uniform":
            share = math.log((1 - low) / (1 - value)) / math.log((1 - low) / (1 - high))
        case "log_uniform" | "int_log_uniform":
            share = math.log(value / low) / math.log(high / low)
        case _:
            share = (value - low) / (high - low)
    return min(max(share, 0.0), 1.0)


def _share_name(name: str) -> str:
    return f"{name}|share"


def _one_minus_name(name: str) -> str:
    return f"1-{name}"
