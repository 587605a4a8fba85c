"""What the source of a class says of it, read as a syntax tree: nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from optimizers import InputError, did_you_mean
from trainables.workloads._signature_options import option
from trainables.workloads.training_options import Options

_KNOWN_BASES = ("Task", "ABC", "object")
"""Classes that add nothing to what a class of the user's says of itself."""


@dataclass(frozen=True)
class DescribedClass:
    """``attributes`` are the wanted ones that are literals; ``open_ended``: there may be more than is told."""

    attributes: Mapping[str, Any]
    options: Options
    doc: str
    open_ended: bool


def described_class(target: str, module: ast.Module, wanted: Iterable[str]) -> DescribedClass | None:
    """Return what a module says of the class of ``target``, "module:Class"; None where that is not a class statement.

    Raises InputError where the module binds no such name.
    """
    module_name, _, path = target.partition(":")
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    if path not in classes:
        bound = set(_bound(module))
        name = path.partition(".")[0]
        if name not in bound and "*" not in bound and "__getattr__" not in bound:
            raise InputError(f'{module_name} has no "{name}".{did_you_mean(name, classes)}')
        return None
    chain, is_whole = _bases(classes[path], classes)
    attributes: dict[str, Any] = {}
    for node in reversed(chain):
        for name, value in _assigned(node):
            if name in wanted:
                try:
                    attributes[name] = ast.literal_eval(value)
                except ValueError:
                    attributes.pop(name, None)
                    is_whole = False
    constructor = next((method for node in chain if (method := _constructor(node)) is not None), None)
    options, takes_any = ({}, False) if constructor is None else _options(constructor.args)
    return DescribedClass(attributes, options, ast.get_docstring(classes[path]) or "", not is_whole or takes_any)


def _bound(module: ast.Module) -> Iterator[str]:
    """The names that a module binds, wherever in it."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _bases(cls: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> tuple[list[ast.ClassDef], bool]:
    """A class and those of the same source that it derives from, itself first; whether these are all that matter."""
    chain, is_whole = [cls], not cls.decorator_list
    for base in cls.bases:
        name = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
        if name in classes and classes[name] is not cls:
            above, above_is_whole = _bases(classes[name], {key: one for key, one in classes.items() if one is not cls})
            chain += above
            is_whole &= above_is_whole
        else:
            is_whole &= name in _KNOWN_BASES
    return chain, is_whole


def _assigned(cls: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign):
            for goal in node.targets:
                if isinstance(goal, ast.Name):
                    yield goal.id, node.value
                elif isinstance(goal, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = zip(goal.elts, node.value.elts, strict=False)
                    yield from ((name.id, value) for name, value in pairs if isinstance(name, ast.Name))


def _constructor(cls: ast.ClassDef) -> ast.FunctionDef | None:
    return next((node for node in cls.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"), None)


def _options(arguments: ast.arguments) -> tuple[Options, bool]:
    """The options of a signature, and whether it takes more."""
    positional = [*arguments.posonlyargs, *arguments.args]
    first = len(positional) - len(arguments.defaults)
    defaults = {one.arg: value for one, value in zip(positional[first:], arguments.defaults, strict=True)}
    defaults |= {
        one.arg: value for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value
    }
    options: dict[str, Any] = {}
    for one in (*positional[1:], *arguments.kwonlyargs):
        annotation = ast.unparse(one.annotation) if one.annotation else ""
        if one.arg not in defaults:
            options[one.arg] = option(annotation)
            continue
        try:
            options[one.arg] = option(annotation, ast.literal_eval(defaults[one.arg]))
        except ValueError:  # computed
            options[one.arg] = option(annotation, None)
    return options, arguments.kwarg is not None
