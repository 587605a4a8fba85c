"""The kind of schedule that a plain function is: from its signature, or from its text where it is not to be executed.

A function of a schedule takes `step` or `epoch`, the count from 1; it may take `total`, the length of the trial in the
same unit, and `base`, the coefficient's own value. Its other parameters are the keys of the schedule. It returns the
coefficient at that count.
"""

from __future__ import annotations

import ast
import functools
import inspect
import numbers
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from optimizers import user_code
from optimizers.domains import Plain, Real
from optimizers.errors import InputError
from optimizers.schedules._kind import Formula, Key, Keys, Kind, Need

COUNTS = ("step", "epoch")
_OF_TRIAL = (*COUNTS, "base", "total")
_OF_SCHEDULE = ("kind", "unit")
_UNKNOWN = object()
TOTAL = Key(
    Real(min=0, exclude_min=True), Need.BUDGET, "the length of the trial in its unit, beyond which its value stays"
)


@dataclass(frozen=True)
class _Parameter:
    """A parameter of a function; ``default`` is `_UNKNOWN` where it has one and its value is not known."""

    name: str
    default: Any = Need.REQUIRED
    by_name: bool = True


@dataclass(frozen=True)
class _Signature:
    """What a function takes; ``open_ended`` where it takes any keyword."""

    parameters: tuple[_Parameter, ...]
    open_ended: bool


def kind_of(name: str, function: Callable[..., float]) -> Kind:
    """Return the kind of schedule that a function is, under a name.

    The function takes `step` or `epoch`, the count from 1, and may take `total`, the length of the trial in the same
    unit, and `base`, the coefficient's own value. Its other parameters are keys of the schedule.

    InputError: it is no function, or its parameters are not as above.
    """
    if not callable(function) or inspect.isclass(function):
        raise InputError(f"{name} is not a function, so it cannot be a schedule.")
    try:
        signature = _of_function(function)
    except ValueError:
        raise InputError(f"{name} has no signature, which says what the keys of a schedule are.") from None
    return _kind(name, signature, _formula(function, signature), _summary(inspect.getdoc(function)))


def described_kind(name: str) -> Kind:
    """Return what is known of the kind of "module:function" without executing it.

    InputError: its module has no such function, or its parameters are not as `kind_of` takes them.
    """
    found = user_code.definition_of(name)
    if found is None:
        return Kind(name, None, "a function", name, {"total": TOTAL}, None, open_ended=True)
    if isinstance(found, ast.ClassDef):
        raise InputError(f"{name} is not a function, so it cannot be a schedule.")
    return _kind(name, _of_text(found.args), None, _summary(ast.get_docstring(found)))


def _kind(name: str, signature: _Signature, formula: Formula | None, description: str) -> Kind:
    takes = [one.name for one in signature.parameters]
    by_position = [one.name for one in signature.parameters if not one.by_name]
    if by_position:
        raise InputError(f"{name} takes {', '.join(by_position)} by position alone; a schedule is called by name.")
    counts = [one for one in COUNTS if one in takes]
    if len(counts) != 1:
        given = f"{name} takes {'both' if counts else 'neither'}"
        raise InputError(f"a schedule is a function of step or of epoch, and {given}; give it one of the two.")
    taken = [one for one in takes if one in _OF_SCHEDULE]
    if taken:
        raise InputError(f"{name} has a parameter {taken[0]}, which every schedule has as a key; rename it.")
    keys = {one.name: _key(one) for one in signature.parameters if one.name not in _OF_TRIAL}
    return Kind(
        name, formula, description, name, {**keys, "total": TOTAL}, None, unit=counts[0],
        open_ended=signature.open_ended,
    )  # fmt: skip


def _key(parameter: _Parameter) -> Key:
    default = parameter.default
    described = f"a parameter of the function{'' if default is Need.REQUIRED else ', its own where left out'}"
    if default is _UNKNOWN:
        return Key(Plain(), None, described)
    return Key(Plain(None if default is Need.REQUIRED else default), default, described)


def _formula(function: Callable[..., float], signature: _Signature) -> Formula:
    takes = {one.name for one in signature.parameters}
    open_ended, with_base, with_total = signature.open_ended, "base" in takes, "total" in takes
    count = "step" if "step" in takes else "epoch"
    own = takes.difference(_OF_TRIAL)

    @functools.wraps(function)
    def formula(base: float, t: float, keys: Keys) -> float:
        total = keys["total"]
        arguments = {name: value for name, value in keys.items() if name in own or (open_ended and _is_further(name))}
        arguments[count] = _whole(min(t, total))
        if with_base:
            arguments["base"] = base
        if with_total:
            arguments["total"] = _whole(total)
        value = function(**arguments)
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise InputError(f"returns {value!r}, which is not a number")
        return float(value)

    return formula


def _is_further(name: str) -> bool:
    return name not in _OF_TRIAL and name not in _OF_SCHEDULE


def _whole(count: float) -> float:
    """The count as a whole number where it is one, as a function that counts may need."""
    return int(count) if count == int(count) else count


def _of_function(function: Callable[..., float]) -> _Signature:
    given = inspect.signature(function).parameters.values()
    named = [one for one in given if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    return _Signature(
        tuple(
            _Parameter(
                one.name,
                Need.REQUIRED if one.default is one.empty else one.default,
                by_name=one.kind is not one.POSITIONAL_ONLY,
            )
            for one in named
        ),
        any(one.kind is one.VAR_KEYWORD for one in given),
    )


def _of_text(given: ast.arguments) -> _Signature:
    positional = [*given.posonlyargs, *given.args]
    without = [None] * (len(positional) - len(given.defaults))
    by_position = zip(positional, [*without, *given.defaults], strict=True)
    every: Iterable[tuple[ast.arg, ast.expr | None]] = [
        *by_position,
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]
    alone = {one.arg for one in given.posonlyargs}
    parameters = (_Parameter(one.arg, _literal(value), by_name=one.arg not in alone) for one, value in every)
    return _Signature(tuple(parameters), given.kwarg is not None)


def _literal(value: ast.expr | None) -> Any:
    """A default as its text tells it."""
    if value is None:
        return Need.REQUIRED
    try:
        return ast.literal_eval(value)
    except ValueError:
        return _UNKNOWN


def _summary(text: str | None) -> str:
    return text.strip().splitlines()[0] if text and text.strip() else "a function"
