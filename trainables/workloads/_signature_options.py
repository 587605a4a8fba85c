"""Options of a user's class from the signature of its ``__init__``: which there are, their defaults, what each may be.

Annotations are read as text, so that a class that was imported and one of which only the source is known are described
alike.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizers import Hyperparameter, InputError
from optimizers.domains import Choice, Domain, Flag, Integer, OrOff, Real, Text
from trainables.workloads.training_options import AnyPath


@dataclass(frozen=True)
class Plain:
    """Whatever a sweep file can hold: numbers, texts, true and false, nothing, and lists and mappings of these."""

    def check(self, value: Any, name: str) -> Any:
        """Return `value`, tuples as lists."""
        if isinstance(value, list | tuple):
            return [self.check(one, f"{name}[{place}]") for place, one in enumerate(value)]
        if isinstance(value, Mapping):
            return {str(key): self.check(one, f"{name}.{key}") for key, one in value.items()}
        if not is_scalar(value):
            raise InputError(f"{name} must be {self.describe()}, got {value!r}.")
        return value

    def describe(self) -> str:
        """A noun phrase."""
        return "a number, a text, true, false, or a list or mapping of these"


_BY_NAME: Mapping[str, Domain] = {
    "bool": Flag(), "int": Integer(), "float": Real(), "str": Text(), "Path": AnyPath()
}  # fmt: skip
"""What a value of a type may be."""


@dataclass(frozen=True)
class Required:
    """A value of another domain that has no default."""

    domain: Domain

    def check(self, value: Any, name: str) -> Any:
        """Return the value in its canonical type; None is none."""
        if value is None:
            raise InputError(f"{name} is required; give {self.domain.describe()}.")
        return self.domain.check(value, name)

    def describe(self) -> str:
        """Such as "a whole number, required"."""
        return f"{self.domain.describe()}; required"


def is_scalar(value: Any) -> bool:
    """Whether a sweep file can hold the value, which is no list or mapping."""
    return value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def is_plain(value: Any) -> bool:
    """Whether a sweep file can hold the value."""
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(one) for key, one in value.items())
    return is_scalar(value) or isinstance(value, Path)


def option(annotation: str, *default: Any) -> Hyperparameter:
    """Return the option of a parameter with that annotation, which may be empty, and that default, if it has one."""
    domain = _annotated(annotation) or (_of_default(default[0]) if default else Plain())
    if not default:
        return Hyperparameter(None, annotation, domain if isinstance(domain, OrOff) else Required(domain))
    value = str(default[0]) if isinstance(default[0], Path) else default[0]
    if value is None and not isinstance(domain, OrOff | Plain):
        domain = OrOff(domain)
    return Hyperparameter(list(value) if isinstance(value, tuple) else value, annotation, domain)


def _of_default(value: Any) -> Domain:
    if isinstance(value, Path):
        return AnyPath()
    return Plain() if value == "" else _BY_NAME.get(type(value).__name__, Plain())


def _annotated(annotation: str) -> Domain | None:
    """The domain of an annotation's text; None where there is none."""
    try:
        return _domain(ast.parse(annotation, mode="eval").body) if annotation else None
    except SyntaxError:
        return Plain()


def _domain(node: ast.expr) -> Domain:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):  # an annotation in quotes
        return _annotated(node.value) or Plain()
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([node.left, node.right])
    if isinstance(node, ast.Subscript):
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return _subscripted(_last_name(node.value), inside)
    return _BY_NAME.get(_last_name(node), Plain())


def _subscripted(name: str, inside: list[ast.expr]) -> Domain:
    if name == "Optional":
        return _union([*inside, ast.Constant(None)])
    if name == "Union":
        return _union(inside)
    words = [one.value for one in inside if isinstance(one, ast.Constant)]
    return _choice(words) if name == "Literal" and len(words) == len(inside) else Plain()


def _choice(words: list[Any]) -> Domain:
    if all(isinstance(word, str) for word in words):
        return Choice(tuple(words))
    whole = all(isinstance(word, int) and not isinstance(word, bool) for word in words)
    return Choice(tuple(words)) if whole else Plain()


def _union(members: list[ast.expr]) -> Domain:
    others = [one for one in members if not (isinstance(one, ast.Constant) and one.value is None)]
    if len(others) == len(members) or len(others) != 1:
        return Plain()
    inside = _domain(others[0])
    return inside if isinstance(inside, Plain) else OrOff(inside)


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
