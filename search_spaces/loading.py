"""From a sweep's text to a :class:`Sweep`, with errors that say where, what and what would be right."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from optimizers import InputError, did_you_mean
from search_spaces import catalogue
from search_spaces.checks import check_sweep
from search_spaces.overrides import apply_overrides, apply_size
from search_spaces.schema import Sweep
from search_spaces.yaml_source import Document, load_yaml


def load_sweep(path_or_name: str, overrides: Sequence[str] = (), size: str | None = None) -> Sweep:
    """Read a sweep file, or a ready sweep by its name, in one of its sizes and with ``--set`` assignments applied.

    Raises InputError when there is no such sweep or when anything in it is wrong.
    """
    path = _find(path_or_name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None
    return parse_sweep(text, str(path), overrides, size)


def parse_sweep(text: str, source: str = "sweep.yaml", overrides: Sequence[str] = (), size: str | None = None) -> Sweep:
    """A validated sweep from YAML text; ``source`` names the text in errors. Raises InputError."""
    document = load_yaml(text, source)
    if size is not None:
        document = apply_size(document, size)
    document = apply_overrides(document, overrides)
    if not isinstance(document.data, dict):
        raise document.error((), "a sweep is a mapping with name, workload, baseline and arms")
    try:
        sweep = Sweep.model_validate(document.data)
    except ValidationError as error:
        raise _first_error(document, error) from None
    sweep._document = document
    check_sweep(sweep)
    return sweep


def _find(path_or_name: str) -> Path:
    if path_or_name.endswith((".yaml", ".yml")) or "/" in path_or_name:
        path = Path(path_or_name)
        if not path.is_file():
            raise InputError(f"{path_or_name}: there is no such sweep file")
        return path
    ready = catalogue.names(catalogue.SWEEPS)
    if path_or_name not in ready:
        raise InputError(
            f"{path_or_name}: neither a sweep file (*.yaml) nor a ready sweep ({', '.join(ready)})."
            f"{did_you_mean(path_or_name, ready)}"
        )
    return catalogue.SWEEPS / f"{path_or_name}.yaml"


def _first_error(document: Document, error: ValidationError) -> InputError:
    details = error.errors()[0]
    path = tuple(part for part in details["loc"] if part != "[key]")
    known = _walk(Sweep, path[:-1])
    if details["type"] == "extra_forbidden":
        fields = list(_fields(known)) if isinstance(known, type) and issubclass(known, BaseModel) else []
        return document.error(
            path, f"unknown key; here stand {', '.join(fields)}.{did_you_mean(str(path[-1]), fields)}"
        )
    if details["type"] == "missing":
        return document.error(path, "this key is needed and missing")
    looked_at = path[-2:] == ("metric", "name") or path[:1] == ("tradeoffs",)
    if looked_at and details["type"] == "string_pattern_mismatch":
        return document.error(path, f"a search looks at the validation split alone, val/..., not {details['input']!r}")
    if (details["type"] == "string_pattern_mismatch" and path in (("name",), ("baseline",))) or "[key]" in details[
        "loc"
    ]:
        return document.error(path, f"{details['input']!r} is no name: use small letters, digits, '.', '_' and '-'")
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]}, not {details['input']!r}"
    return document.error(_without_union_branches(path), message)


def _without_union_branches(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Pydantic adds the name of the union's branch to a path (``values.0.bool``); the file has no such key."""
    return path[:-1] if path and path[-1] in ("bool", "int", "float", "str") else path


def _fields(model: type[BaseModel]) -> dict[str, typing.Any]:
    """The types of a model's fields by their names in a file."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _walk(annotation: typing.Any, path: tuple[str | int, ...]) -> typing.Any:
    """The type that the schema gives to the value at ``path``."""
    for part in path:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = _fields(annotation).get(str(part))
        elif typing.get_origin(annotation) is dict:
            annotation = typing.get_args(annotation)[1]
        if isinstance(annotation, types.UnionType):
            annotation = next(arm for arm in typing.get_args(annotation) if arm is not type(None))
    return annotation
