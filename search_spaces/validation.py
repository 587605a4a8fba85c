"""From a YAML document to a validated model, with errors that say where, what and what would be right."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optimizers import InputError, did_you_mean
from search_spaces.yaml_source import Document, Path

Validated = TypeVar("Validated", bound=BaseModel)
# What a kind of file says better than pydantic does; None for the general sentence.
Wording = Callable[[Path, Mapping[str, Any]], str | None]


def validated(model: type[Validated], document: Document, wording: Wording = lambda path, details: None) -> Validated:
    """``document`` as a ``model``.

    Raises InputError with the place of the first thing that is wrong; ``wording`` may put that in words of its own.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise _first_error(model, document, error, wording) from None


def _first_error(model: type[BaseModel], document: Document, error: ValidationError, wording: Wording) -> InputError:
    errors = error.errors()
    details = errors[0]
    if details["type"] == "missing":
        # Where a key is missing and another is unknown, the one is mostly the other with a typing error.
        details = next((each for each in errors if each["type"] == "extra_forbidden"), details)
    path = tuple(part for part in details["loc"] if part != "[key]")
    if details["type"] == "extra_forbidden":
        known = _walk(model, path[:-1])
        fields = list(_fields(known)) if isinstance(known, type) and issubclass(known, BaseModel) else []
        return document.error(
            path, f"unknown key; here stand {', '.join(fields)}.{did_you_mean(str(path[-1]), fields)}"
        )
    if details["type"] == "missing":
        return document.error(path, "this key is needed and missing")
    if own := wording(path, details):
        return document.error(path, own)
    if "[key]" in details["loc"]:
        return document.error(path, no_name(details["input"]))
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]}, not {details['input']!r}"
    return document.error(_without_union_branches(path), message)


def no_name(given: object) -> str:
    """What to say of something that should be a name of the user's own."""
    return f"{given!r} is no name: use small letters, digits, '.', '_' and '-'"


def _without_union_branches(path: Path) -> Path:
    """Pydantic adds the name of the union's branch to a path (``values.0.bool``); the file has no such key."""
    return path[:-1] if path and path[-1] in ("bool", "int", "float", "str") else path


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The types of a model's fields by their names in a file."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _walk(annotation: Any, path: Path) -> Any:
    """The type that the schema gives to the value at ``path``."""
    for part in path:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = _fields(annotation).get(str(part))
        elif typing.get_origin(annotation) is dict:
            annotation = typing.get_args(annotation)[1]
        elif typing.get_origin(annotation) is list:
            annotation = typing.get_args(annotation)[0]
        if isinstance(annotation, types.UnionType):
            annotation = next(arm for arm in typing.get_args(annotation) if arm is not type(None))
    return annotation
