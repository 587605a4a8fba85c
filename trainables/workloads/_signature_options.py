"""Options of a user's class from the signature of its ``__init__``: which there are, their defaults, what each may be.

Annotations are read as text, so that a class that was imported and one of which only the source is known are described
alike.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizers import Hyperparameter, InputError
from optimizers.domains import Choice, Domain, Flag, Integer, OrOff, Plain, Real, Text
from trainables.workloads.training_options import AnyPath

_BY_NAME: Mapping[str, Domain] = {
    "bool": Flag(), "int": Integer(), "float": Real(), "str": Text(), "Path": AnyPath()
}  # fmt: skip
"""What a value of a type may be."""


def is_plain(value: Any) -> bool:
    """Whether a sweep file can hold the value."""
    try:
        Plain().check(value, "")
    except InputError:
        return isinstance(value, Path)
    return True


def option(annotation: str, *default: Any) -> Hyperparameter:
    """Return the option of a parameter with that annotation, which may be empty, and that default, if it has one."""
    domain = _annotated(annotation) or (_of_default(default[0]) if default else Plain())
    if not default:
        return Hyperparameter(None, annotation, domain, required=True)
    value = str(default[0]) if isinstance(default[0], Path) else default[0]
    if isinstance(domain, Plain):
        domain = Plain(value)
    elif value is None and not isinstance(domain, OrOff):
        domain = OrOff(domain)
    return Hyperparameter(value, annotation, domain)


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
