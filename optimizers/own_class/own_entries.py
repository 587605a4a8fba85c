"""The entry of "module:Class": of the class itself, or of the text that defines it."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from optimizers.entry import OptimizerEntry
from optimizers.errors import InputError
from optimizers.own_class._settings import REQUIRED, Arguments, entry_from
from optimizers.own_class._source_text import HandedOn, arguments_in, handed_on, words_in

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def entry_of(target: str, factory: Callable[..., Any]) -> OptimizerEntry:
    """Return the entry of a subclass of `torch.optim.Optimizer`, or of a function `(params, **settings) -> Optimizer`.

    Settings and defaults are those of its signature; of a class with `**options`, also those of the base that it hands
    them on to. A tuple of numbers is searched one by one, as `beta1` and `beta2` for `betas`. What there is more to say
    stands in the attribute `adamant_entry` of the class or function, an `OptimizerEntry`, which then is returned under
    the name `target`; `factory` may be one as well.

    InputError: it is neither a class of an optimizer nor a function, or takes no parameters.
    """
    told = factory if isinstance(factory, OptimizerEntry) else getattr(factory, "adamant_entry", None)
    if isinstance(told, OptimizerEntry):
        own = told.target if told is factory else target
        return dataclasses.replace(told, name=target, target=own)
    if told is not None:
        raise InputError(f"{target}: adamant_entry is a {type(told).__name__}, not an OptimizerEntry.")
    if isinstance(factory, type):
        return entry_from(target, _of_class(target, factory))
    if not callable(factory):
        kind = type(factory).__name__
        raise InputError(f"{target} is a {kind}, neither a class nor a function that returns an optimizer.")
    return entry_from(target, _of_function(target, factory))


def described(target: str, source: str | None) -> OptimizerEntry:
    """Return the entry as far as a source tells it, executing nothing.

    It is open-ended where the source does not tell all settings, as where the base is of another module; without a
    source, it takes any. InputError: the source has no such class or function.
    """
    return entry_from(target, Arguments(open_ended=True) if source is None else arguments_in(source, target))


def _of_class(target: str, cls: type) -> Arguments:
    from torch.optim.optimizer import Optimizer

    if not issubclass(cls, Optimizer):
        raise InputError(f"{target} is a class, but not a torch.optim.Optimizer.")
    result = Arguments(summary=_summary(cls))
    result.averages_weights = all(callable(getattr(cls, mode, None)) for mode in ("train", "eval"))
    lineage = [one for one in cls.__mro__ if "__init__" in vars(one)]
    skipped: HandedOn | None = None
    for own in lineage[: lineage.index(Optimizer)]:
        parameters = list(inspect.signature(vars(own)["__init__"]).parameters.values())[1:]
        for position, one in enumerate(parameters[1:], start=1):
            covered = skipped is not None and (one.name in skipped.given or position < skipped.positional)
            if one.kind in _NAMED and not covered:
                result.defaults.setdefault(one.name, REQUIRED if one.default is one.empty else one.default)
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            return result
        skipped = _handed_on(own)
        if skipped is None or skipped.elsewhere:
            result.open_ended, result.others = True, _words(cls, Optimizer)
        if skipped is not None and not skipped.to_base:
            return result
    return result


def _of_function(target: str, function: Callable[..., Any]) -> Arguments:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of a builtin
        return Arguments(open_ended=True)
    if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise InputError(f"{target} takes no parameters to optimize as its first argument.")
    named = [one for one in parameters[1:] if one.kind in _NAMED]
    return Arguments(
        {one.name: REQUIRED if one.default is one.empty else one.default for one in named},
        any(one.kind is one.VAR_KEYWORD for one in parameters),
        summary=_summary(function),
    )


def _handed_on(cls: type) -> HandedOn | None:
    """What the constructor of this class does with its `**options`; None where its source is not at hand."""
    tree = _tree(vars(cls)["__init__"])
    constructor = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None) if tree else None
    return None if constructor is None else handed_on(constructor)


def _words(cls: type, end: type) -> frozenset[str] | None:
    """The names of settings that the code of a class may read, with its bases below `end`; None where unknown."""
    trees = [_tree(own) for own in cls.__mro__[: cls.__mro__.index(end)] if own.__module__ != "abc"]
    return None if any(tree is None for tree in trees) else frozenset().union(*map(words_in, filter(None, trees)))


def _tree(code: Any) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError):
        return None


def _summary(code: Any) -> str:
    return (inspect.getdoc(code) or "").partition("\n")[0].rstrip(".") if code.__doc__ else ""
