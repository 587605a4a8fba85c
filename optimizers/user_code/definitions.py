"""What a module defines, as far as its text tells: nothing of it is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from optimizers.errors import InputError, did_you_mean
from optimizers.user_code.current import SEPARATOR, source_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class _Names:
    """The names that a module binds, each with its last definition where that is one; ``open`` where there may be
    others, as after ``from x import *``.
    """

    bound: dict[str, Definition | None]
    open: bool


def definition_of(name: str) -> Definition | None:
    """Return the function or class that "module:Class" names, from the module's text.

    None where that does not tell: the text is not at hand, or the name is an attribute, imported or calculated.

    Raises InputError where the module's text shows that it binds no such name.
    """
    module, _, path = name.partition(SEPARATOR)
    source = source_of(name)
    if source is None:
        return None
    names = _names_of(source)
    first, _, rest = path.partition(".")
    if first not in names.bound and not names.open:
        public = [one for one in names.bound if not one.startswith("_")]
        raise InputError(f'{module} has no "{first}".{did_you_mean(first, public)}')
    return None if rest else names.bound.get(first)


@lru_cache
def _names_of(source: str) -> _Names:
    bound: dict[str, Definition | None] = {}
    is_open = False
    for node in _of_module(ast.parse(source)):
        if isinstance(node, Definition):
            bound[node.name] = None if node.decorator_list else node
            is_open |= node.name == "__getattr__"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            is_open |= any(alias.name == "*" for alias in node.names)
            bound |= {(alias.asname or alias.name).partition(".")[0]: None for alias in node.names}
        elif isinstance(node, ast.Name):
            is_open |= node.id in ("globals", "vars", "exec", "setattr")
            if isinstance(node.ctx, ast.Store):
                bound[node.id] = None
    return _Names(bound, is_open)


def _of_module(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are executed in the module's own scope."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, _SCOPES):
            yield from _of_module(child)
