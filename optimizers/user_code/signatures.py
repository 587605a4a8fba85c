"""What a function or a class takes: from itself, or from its text where it is not to be executed."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from optimizers.user_code.definitions import Definition


class Default(Enum):
    """What stands for the default of a parameter that has none, or one whose value is not known."""

    NONE = "it must be given"
    UNKNOWN = "calculated where it is defined"


@dataclass(frozen=True)
class Parameter:
    """A parameter; ``by_name`` says whether it may be given by its name."""

    name: str
    default: Any = Default.NONE
    by_name: bool = True


@dataclass(frozen=True)
class Signature:
    """What a function or a class takes; ``open_ended`` where it takes any keyword."""

    parameters: tuple[Parameter, ...]
    open_ended: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(one.name for one in self.parameters)

    @property
    def required(self) -> tuple[str, ...]:
        """The names of those that must be given."""
        return tuple(one.name for one in self.parameters if one.default is Default.NONE)


def signature_of(factory: Callable[..., Any]) -> Signature:
    """Return what a function or a class takes. Raises ValueError for one that tells no signature."""
    given = inspect.signature(factory).parameters.values()
    parameters = (
        Parameter(one.name, Default.NONE if one.default is one.empty else one.default, one.kind != one.POSITIONAL_ONLY)
        for one in given
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    )
    return Signature(tuple(parameters), any(one.kind == one.VAR_KEYWORD for one in given))


def described_signature(definition: Definition) -> Signature | None:
    """Return what a definition's text says that it takes; None for a class that inherits or makes its constructor."""
    if not isinstance(definition, ast.ClassDef):
        return _of_text(definition.args)
    constructors = (one for one in definition.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    constructor = next(constructors, None)
    if constructor is None or constructor.decorator_list or definition.keywords:
        return None
    whole = _of_text(constructor.args)
    return Signature(whole.parameters[1:], whole.open_ended)


def _of_text(given: ast.arguments) -> Signature:
    positional = [*given.posonlyargs, *given.args]
    without_default = [None] * (len(positional) - len(given.defaults))
    pairs = [
        *zip(positional, [*without_default, *given.defaults], strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]
    parameters = (Parameter(one.arg, _literal(value), one not in given.posonlyargs) for one, value in pairs)
    return Signature(tuple(parameters), given.kwarg is not None)


def _literal(value: ast.expr | None) -> Any:
    if value is None:
        return Default.NONE
    try:
        return ast.literal_eval(value)
    except ValueError:
        return Default.UNKNOWN
