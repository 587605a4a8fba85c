"""From a YAML document to a validated model, with every error in it: where, what and what would be right."""

from __future__ import annotations

import copy
import itertools
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from optimizers import Problem, did_you_mean, raise_any
from optimizers.errors import Path, nearest
from search_spaces.schema.strict_model import Model
from search_spaces.schema.yaml_source import Document

Validated = TypeVar("Validated", bound=BaseModel)
# What a kind of file says better than the general sentence; None for that one.
Wording = Callable[[Path, Mapping[str, Any]], str | None]
# More than any file takes: each round mends the paths that the one before found.
MOST_ROUNDS = 10
_SENTENCES = {
    "missing": "required key is missing",
    "greater_than_equal": "must be at least {ge}, not {given}",
    "greater_than": "must be greater than {gt:g}, not {given}",
    "less_than_equal": "must be at most {le}, not {given}",
    "finite_number": "must be a finite number, not {given}",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries, not {actual_length}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters, not {given}",
    "string_pattern_mismatch": "{given} does not match the pattern {pattern}",
}
"""By the types of Pydantic's errors."""


@dataclass(frozen=True)
class Checked(Generic[Validated]):
    """A document as a model, what is wrong in it, and the paths where.

    What is wrong is left out of ``value``, so that the rest can be checked further; None where nothing can be made of
    the document.
    """

    value: Validated | None
    problems: tuple[Problem, ...]
    broken: frozenset[Path]


def validated(model: type[Validated], document: Document, wording: Wording = lambda path, details: None) -> Validated:
    """``document`` as a ``model``. Raises InputError with everything that is wrong in it."""
    found = checked(model, document, wording)
    raise_any(found.problems)
    if found.value is None:
        raise TypeError(f"{document.source}: nothing is wrong and nothing is made of it")
    return found.value


def checked(
    model: type[Validated],
    document: Document,
    wording: Wording = lambda path, details: None,
    stand_ins: Mapping[str, Any] | None = None,
) -> Checked[Validated]:
    """``document`` as a ``model``, without what is wrong in it.

    ``wording`` may put an error in words of its own; ``stand_ins`` are values for required keys that are missing.
    """
    data, problems, broken = copy.deepcopy(document.data), [], set[Path]()
    for _ in range(MOST_ROUNDS):
        try:
            return Checked(model.model_validate(data), tuple(problems), frozenset(broken))
        except ValidationError as error:
            faults = _faults(model, error.errors())
            told = _told(model, faults).items()
            fresh = {path: one for path, one in told if not any(related(path, other) for other in broken)}
            problems += [document.problem(path, _sentence(model, path, fresh[path], wording)) for path in fresh]
            broken |= faults.keys()
            # A list with something wrong in it goes as a whole, as its other members would change their places.
            wrong = {tuple(itertools.takewhile(lambda part: isinstance(part, str), path)) for path in faults}
            mended = [_left_out(data, path, stand_ins or {}) for path in wrong]
            if not all(mended):
                break
    return Checked(None, tuple(problems), frozenset(broken))


def related(path: Path, other: Path) -> bool:
    """Whether one of the two stands at or below the other."""
    return all(one == two for one, two in zip(path, other, strict=False))


def _left_out(data: Any, path: Path, stand_ins: Mapping[str, Any]) -> bool:
    """Take what stands at ``path`` out of its mapping, or put a stand-in in. False where neither can be done."""
    if not path:
        return False
    holder = data
    for part in path[:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else None
    if not isinstance(holder, dict):
        # It went with what it stood in.
        return True
    if path[-1] in holder:
        del holder[path[-1]]
    elif path[-1] in stand_ins:
        holder[path[-1]] = copy.deepcopy(stand_ins[str(path[-1])])
    else:
        return _left_out(data, path[:-1], stand_ins)
    return True


def _faults(model: type[BaseModel], errors: Iterable[Mapping[str, Any]]) -> dict[Path, Mapping[str, Any]]:
    """The error of each path, the most telling where several branches of a union failed."""
    found: dict[Path, Mapping[str, Any]] = {}
    for details in errors:
        path = _located(model, details["loc"])
        if path not in found or found[path]["type"].endswith("_type"):
            found[path] = details
    return found


def _told(model: type[BaseModel], faults: Mapping[Path, Mapping[str, Any]]) -> dict[Path, Mapping[str, Any]]:
    """Those of the faults that do not follow from another."""
    unknown = [path for path, details in faults.items() if details["type"] == "extra_forbidden"]
    misspelt = {meant for path in unknown for meant in _meant(model, path)}
    return {
        path: details
        for path, details in faults.items()
        # A key that is missing where another is unknown is mostly the other with a typing error.
        if not (details["type"] == "missing" and path in misspelt)
        # In a list that may also be a single value, what is wrong is its member.
        and not any(len(other) > len(path) and related(path, other) for other in faults)
    }


def _located(model: type[BaseModel], loc: Iterable[str | int]) -> Path:
    """The path in the file: Pydantic puts the names of a union's branches and "[key]" between."""
    path: list[str | int] = []
    annotation: Any = model
    for part in loc:
        branches = _branches(annotation)
        if part == "[key]":
            continue
        if len(branches) > 1:
            wanted = list if str(part).startswith("list") else None
            annotation = next((one for one in branches if typing.get_origin(one) is wanted), branches[0])
            continue
        path.append(part)
        annotation = below(branches[0], part)
    return tuple(path)


def _sentence(model: type[BaseModel], path: Path, details: Mapping[str, Any], wording: Wording) -> str:
    """What to say of an error."""
    kind, given = details["type"], details["input"]
    parent = annotation_at(model, path[:-1])
    if own := wording(path, details):
        said = own
    elif "[key]" in details["loc"]:
        said = no_name(given)
    elif kind == "extra_forbidden":
        said = f"unknown key; the keys here are {', '.join(fields(parent))}.{_hint(model, path)}"
    elif kind == "value_error":
        said = str(details["ctx"]["error"])
    elif kind == "literal_error":
        choices = typing.get_args(annotation_at(model, path))
        hint = did_you_mean(given, choices, _meanings(parent))
        one = "one of " if len(choices) > 1 else ""
        said = f"must be {one}{', '.join(choices)}, not {shown(given)}.{hint}"
    elif kind in _SENTENCES:
        said = _SENTENCES[kind].format(**details.get("ctx", {}), given=shown(given))
    else:
        said = f"must be {expected(annotation_at(model, path))}, not {shown(given)}"
    return said


def _hint(model: type[BaseModel], path: Path) -> str:
    """The nearest key, here or one level below."""
    quoted = [f'"{".".join(map(str, meant[len(path) - 1 :]))}"' for meant in _meant(model, path)]
    return f" Did you mean {' or '.join(quoted)}?" if quoted else ""


def _meant(model: type[BaseModel], path: Path) -> list[Path]:
    """The paths that an unknown key may have been meant for."""
    *above, key = path
    parent = annotation_at(model, tuple(above))
    known = fields(parent)
    deeper = [(*above, name, key) for name, annotation in known.items() if key in fields(_only(annotation))]
    return deeper or [(*above, name) for name in nearest(key, known, _meanings(parent))]


def shown(value: object) -> str:
    """A value as it may stand in the file."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = f"[{', '.join(map(shown, value))}]" if isinstance(value, list) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def no_name(given: object) -> str:
    """What to say of something that should be a name of the user's own."""
    return f"{shown(given)} is no name: use small letters, digits, '.', '_' and '-'"


def expected(annotation: Any) -> str:
    """What may stand at a place of that type, such as "a whole number"."""
    words: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    branches = [one for one in _branches(annotation) if not (one is int and float in _branches(annotation))]
    told = []
    for one in sorted(branches, key=lambda one: (one is bool, one is str)):
        if typing.get_origin(one) is list:
            told.append(f"a list of {expected(typing.get_args(one)[0]).removeprefix('a ')}s")
        elif typing.get_origin(one) is dict or (isinstance(one, type) and issubclass(one, BaseModel)):
            told.append("a mapping" + (f" with {', '.join(fields(one))}" if fields(one) else ""))
        else:
            told.append(words.get(one, "something else"))
    return " or ".join(dict.fromkeys(told))


def fields(annotation: Any) -> dict[str, Any]:
    """The types of a model's fields by their names in a file; nothing for what is no model."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {}
    return {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}


def _meanings(annotation: Any) -> Mapping[str, tuple[str, ...]]:
    return annotation.meanings if isinstance(annotation, type) and issubclass(annotation, Model) else {}


def annotation_at(model: type[BaseModel], path: Path) -> Any:
    """The type that the schema gives to the value at ``path``."""
    annotation: Any = model
    for part in path:
        annotation = below(_only(annotation), part)
    return _only(annotation)


def below(annotation: Any, part: str | int) -> Any:
    """The type of one value in what has the type ``annotation``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (dict, list):
        return arguments[-1]
    return fields(annotation).get(str(part), Any)


def _only(annotation: Any) -> Any:
    """The type of what may also be left out; a union of several types as it is."""
    branches = _branches(annotation)
    return branches[0] if len(branches) == 1 else annotation


def _branches(annotation: Any) -> list[Any]:
    """The types of a union but for None; one for any other type."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _branches(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        members = (one for one in typing.get_args(annotation) if one is not types.NoneType)
        return list(itertools.chain.from_iterable(map(_branches, members)))
    return [annotation]
