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
from collections.abc import Callable

from optimizers import user_code
from optimizers.domains import Plain, Real
from optimizers.errors import InputError
from optimizers.schedules._kind import Formula, Key, Keys, Kind, Need
from optimizers.user_code import Default, Parameter, Signature

COUNTS = ("step", "epoch")
_OF_TRIAL = (*COUNTS, "base", "total")
_OF_SCHEDULE = ("kind", "unit")
TOTAL = Key(
    Real(min=0, exclude_min=True), Need.BUDGET, "the length of the trial in its unit, beyond which its value stays"
)


def kind_of(name: str, function: Callable[..., float]) -> Kind:
    """Return the kind of schedule that a function is, under a name.

    The function takes `step` or `epoch`, the count from 1, and may take `total`, the length of the trial in the same
    unit, and `base`, the coefficient's own value. Its other parameters are keys of the schedule.

    InputError: it is no function, or its parameters are not as above.
    """
    if not callable(function) or inspect.isclass(function):
        raise InputError(f"{name} is not a function, so it cannot be a schedule.")
    try:
        signature = user_code.signature_of(function)
    except ValueError:
        raise InputError(f"{name} has no signature, which says what the keys of a schedule are.") from None
    return _kind(name, signature, _formula(function, signature), _summary(inspect.getdoc(function)))


def described_kind(name: str) -> Kind:
    """Return what is known of the kind of "module:function" without executing it.

    InputError: its module has no such function, or its parameters are not as `kind_of` takes them.
    """
    found = user_code.definition_of(name)
    if isinstance(found, ast.ClassDef):
        raise InputError(f"{name} is not a function, so it cannot be a schedule.")
    signature = None if found is None else user_code.described_signature(found)
    if found is None or signature is None:
        return Kind(name, None, "a function", name, {"total": TOTAL}, None, open_ended=True)
    return _kind(name, signature, None, _summary(ast.get_docstring(found)))


def _kind(name: str, signature: Signature, formula: Formula | None, description: str) -> Kind:
    takes = signature.names
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


def _key(parameter: Parameter) -> Key:
    if parameter.default is Default.NONE:
        return Key(Plain(), Need.REQUIRED, "a parameter of the function")
    default = None if parameter.default is Default.UNKNOWN else parameter.default
    return Key(Plain(default), default, "a parameter of the function, which has a default")


def _formula(function: Callable[..., float], signature: Signature) -> Formula:
    takes = {*signature.names}
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


def _summary(text: str | None) -> str:
    return text.strip().splitlines()[0] if text and text.strip() else "a function"
