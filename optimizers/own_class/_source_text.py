"""What the text of a class or function says of its arguments, without executing anything of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from optimizers.errors import InputError, did_you_mean
from optimizers.own_class._settings import REQUIRED, UNKNOWN, Arguments

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class HandedOn:
    """What becomes of a constructor's `**options`.

    `to_base`: the constructor of the base gets them, beside `given` arguments by name and the first `positional` ones.
    `elsewhere`: something else is done with them.
    """

    to_base: bool = False
    elsewhere: bool = False
    given: frozenset[str] = frozenset()
    positional: int = 0


def arguments_in(source: str, target: str) -> Arguments:
    """Return the arguments of "module:Class" as its source gives them.

    InputError: the source defines no such thing, or one that is neither a class nor a function.
    """
    tree, path = ast.parse(source), target.partition(":")[2]
    scope: ast.Module | ast.ClassDef = tree
    found: ast.stmt | None = None
    for name in path.split("."):
        defined = {own: statement for statement in _statements(scope) for own in _names(statement)}
        if name not in defined:
            if any(isinstance(one, ast.ImportFrom) and one.names[0].name == "*" for one in tree.body):
                return Arguments(open_ended=True)
            hint = did_you_mean(name, [own for own in defined if not own.startswith("_")])
            raise InputError(f'{target.partition(":")[0]} has no "{path}".{hint}')
        found = defined[name]
        if not isinstance(found, ast.ClassDef):
            break
        scope = found
    if isinstance(found, ast.Assign) and isinstance(found.value, ast.Name):  # another name of the same class
        return arguments_in(source, f"{target.partition(':')[0]}:{found.value.id}")
    if isinstance(found, ast.ClassDef):
        return _of_class(found, _Text(tree), target)
    if isinstance(found, ast.FunctionDef):
        return _of_function(found, _Text(tree), target)
    value = getattr(found, "value", None)
    if isinstance(value, ast.Constant | ast.List | ast.Dict | ast.Tuple):
        raise InputError(f"{target} is neither a class nor a function.")
    return Arguments(open_ended=True)


def handed_on(constructor: _Function) -> HandedOn:
    """Return what becomes of the keyword arguments that a constructor takes beside those that it names."""
    options = constructor.args.kwarg
    if options is None:
        return HandedOn()
    uses = [node for node in ast.walk(constructor) if isinstance(node, ast.Name) and node.id == options.arg]
    for node in ast.walk(constructor):
        if isinstance(node, ast.Call) and _is_constructor_of_base(node.func):
            spread = [one.value for one in node.keywords if one.arg is None]
            if any(isinstance(value, ast.Name) and value.id == options.arg for value in spread):
                bound = isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Call)
                return HandedOn(
                    to_base=True,
                    elsewhere=len(uses) > 1,
                    given=frozenset(one.arg for one in node.keywords if one.arg is not None),
                    positional=len(node.args) - bound,  # Base.__init__(self, ...) gives itself too
                )
    return HandedOn(elsewhere=bool(uses))


def words_in(tree: ast.AST) -> frozenset[str]:
    """Return the texts by which some code looks something up: those of settings are among them."""
    keys: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            keys.append(node.slice)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop"):
            keys += node.args[:1]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            keys.append(node.left)
    found = (key.value for key in keys if isinstance(key, ast.Constant))
    return frozenset(value for value in found if isinstance(value, str) and value.isidentifier())


def _is_constructor_of_base(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr == "__init__"


class _Text:
    """A module's classes and constants."""

    def __init__(self, tree: ast.Module) -> None:
        self.classes = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}
        self.constants = {name: one.value for one in tree.body if isinstance(one, ast.Assign) for name in _names(one)}

    def value(self, node: ast.expr) -> Any:
        """Return a literal, or the constant of the module that a name stands for; UNKNOWN for all else."""
        if isinstance(node, ast.Name) and node.id in self.constants:
            node = self.constants[node.id]
        try:
            return ast.literal_eval(node)
        except ValueError:
            return UNKNOWN


def _of_class(found: ast.ClassDef, text: _Text, target: str) -> Arguments:
    if not found.bases and not found.decorator_list:
        raise InputError(f"{target} is not a torch.optim.Optimizer: the class has no base.")
    result = Arguments(summary=_first_line(found))
    skipped: HandedOn | None = None
    for own in _lineage(found, text):
        if own is None:
            result.open_ended = True
            break
        result.averages_weights |= {"train", "eval"} <= {one for part in own.body for one in _names(part)}
        if any("adamant_entry" in _names(part) for part in own.body):
            result.open_ended = True
        functions = [one for one in own.body if isinstance(one, ast.FunctionDef)]
        constructor = next((one for one in functions if one.name == "__init__"), None)
        if constructor is None:
            continue
        defaults = _defaults(constructor, text)
        for position, (name, default) in enumerate(defaults.items(), start=1):
            if skipped is None or (name not in skipped.given and position >= skipped.positional):
                result.defaults.setdefault(name, default)
        skipped = handed_on(constructor)
        result.open_ended |= skipped.elsewhere
        if not skipped.to_base:
            break
    return result


def _lineage(found: ast.ClassDef, text: _Text) -> Iterator[ast.ClassDef | None]:
    """The class and its bases of the same source, and None where one is defined elsewhere; torch's own is the end."""
    yield found
    for base in found.bases:
        name = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
        if name in text.classes and name != found.name and isinstance(base, ast.Name):
            yield from _lineage(text.classes[name], text)
        elif name not in ("Optimizer", "ABC", "object"):
            yield None


def _of_function(found: ast.FunctionDef, text: _Text, target: str) -> Arguments:
    if not [*found.args.posonlyargs, *found.args.args] and found.args.vararg is None:
        raise InputError(f"{target} takes no parameters to optimize as its first argument.")
    is_open = found.args.kwarg is not None
    return Arguments(_defaults(found, text, first=1), is_open, summary=_first_line(found))


def _defaults(function: _Function, text: _Text, first: int = 2) -> dict[str, Any]:
    """The arguments with their defaults, without self and the parameters, which come first."""
    own = function.args
    positional = [*own.posonlyargs, *own.args]
    values = [None] * (len(positional) - len(own.defaults)) + list(own.defaults)
    named = [*zip(positional, values, strict=True)][first:]
    pairs = [*named, *zip(own.kwonlyargs, own.kw_defaults, strict=True)]
    return {one.arg: REQUIRED if value is None else text.value(value) for one, value in pairs}


def _statements(scope: ast.Module | ast.ClassDef) -> Iterator[ast.stmt]:
    """The statements of a module or class, also those that stand under a condition."""
    waiting = list(scope.body)
    while waiting:
        statement = waiting.pop(0)
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            waiting += [one for one in ast.iter_child_nodes(statement) if isinstance(one, ast.stmt)]
            waiting += [one for handler in getattr(statement, "handlers", ()) for one in handler.body]


def _names(statement: ast.stmt) -> list[str]:
    """What a statement defines."""
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [(one.asname or one.name).partition(".")[0] for one in names]
        case ast.Assign(targets=targets):
            return [node.id for one in targets for node in ast.walk(one) if isinstance(node, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _first_line(found: ast.ClassDef | ast.FunctionDef) -> str:
    return (ast.get_docstring(found) or "").partition("\n")[0].rstrip(".")
