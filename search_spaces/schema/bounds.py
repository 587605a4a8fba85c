"""Bounds of a parameter that follow from other parameters: ``min: beta1``, ``min: beta1 ** 2``, ``max: 10 * lr``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from optimizers import InputError

Bound = float | str
Values = Mapping[str, Any]

_OPERATIONS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}
MAX_LENGTH = 80


def names(bound: Bound) -> frozenset[str]:
    """The parameters that a bound names. Raises InputError for what is no formula of numbers, names and + - * / **."""
    return _parse(bound)[1] if isinstance(bound, str) else frozenset()


def evaluate(bound: Bound, values: Values) -> float:
    """The number that a bound stands for. Raises InputError where it names what has no number, or has none itself."""
    if not isinstance(bound, str):
        return bound
    tree, wanted = _parse(bound)
    numberless = sorted(name for name in wanted if isinstance(values.get(name), bool | str | None))
    if numberless:
        raise InputError(f'"{bound}" names {numberless[0]}, which has no number here')
    try:
        return float(_evaluate(tree, values))
    except (ArithmeticError, TypeError, ValueError) as error:
        raise InputError(f'"{bound}" cannot be calculated: {error}') from None


@lru_cache
def _parse(formula: str) -> tuple[ast.expr, frozenset[str]]:
    try:
        if len(formula) > MAX_LENGTH:
            raise SyntaxError
        tree = ast.parse(formula, mode="eval").body
        return tree, frozenset(_names(tree))
    except (SyntaxError, ValueError, RecursionError):
        raise InputError(
            f'"{formula[:MAX_LENGTH]}" is neither a number nor a formula of numbers and parameters with + - * / **'
        ) from None


def _names(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return []
        case ast.Name() | ast.Attribute():
            return [_dotted(node)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _names(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return [*_names(left), *_names(right)]
    raise SyntaxError


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=owner, attr=name):
            return f"{_dotted(owner)}.{name}"
    raise SyntaxError


def _evaluate(node: ast.expr, values: Values) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATIONS[type(op)](_evaluate(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATIONS[type(op)](_evaluate(left, values), _evaluate(right, values))
    return float(values[_dotted(node)])
