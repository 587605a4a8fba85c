"""``--set search.trials=64`` and ``--size small``: values put over a sweep file."""

from __future__ import annotations

import copy
import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from optimizers import InputError, did_you_mean
from optimizers.errors import Path
from search_spaces.schema.validation import annotation_at, below, fields
from search_spaces.schema.yaml_source import Document, Place, load_yaml


def apply_overrides(document: Document, assignments: Sequence[str], model: type[BaseModel]) -> Document:
    """The document of a ``model`` with each ``dotted.key=value`` put in; values are read as YAML.

    Raises InputError for an assignment without ``=`` or one that leads through something that is not a mapping.
    """
    data, places = copy.deepcopy(document.data), dict(document.places)
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        source = f"--set {assignment}"
        if not separator or not key.strip():
            raise InputError(f"{source}: write a key and a value, for example --set search.trials=64")
        path = _assign(data, key.strip(), load_yaml(text, source).data, model, source)
        _put(places, path, Place(source))
    return Document(data, document.source, places)


def apply_size(document: Document, size: str, model: type[BaseModel]) -> Document:
    """The document with the values of one of its ``sizes`` put in. Raises InputError where it has no such size."""
    sizes = document.data.get("sizes") if isinstance(document.data, dict) else None
    if not isinstance(sizes, dict) or not isinstance(sizes.get(size), dict):
        known = ", ".join(map(str, sizes)) if isinstance(sizes, dict) else "none"
        raise InputError(
            f'{document.source}: it has no size "{size}"; it has {known}.{did_you_mean(size, map(str, sizes or ()))}'
        )
    data, places = copy.deepcopy(document.data), dict(document.places)
    for key, value in sizes[size].items():
        place = document.place(("sizes", size, key))
        _put(places, _assign(data, key, value, model, str(place)), place)
    return Document(data, document.source, places)


def _assign(data: Any, dotted: str, value: Any, model: type[BaseModel], source: str) -> Path:
    """Put a value where a dotted key leads, and return its path."""
    parts = dotted.split(".")
    path: Path = ()
    while True:
        key: Any
        if isinstance(data, list) and parts[0].isdecimal() and int(parts[0]) < len(data):
            key, parts = int(parts[0]), parts[1:]
        elif isinstance(data, dict):
            key = _key(data, parts, value, annotation_at(model, path))
            parts = parts[key.count(".") + 1 :]
        else:
            there = ".".join(map(str, path)) or "the sweep"
            raise InputError(f"{source}: {there} is not a mapping, so nothing can be set below it")
        path = (*path, key)
        if not parts:
            data[key] = value
            return path
        data = data.setdefault(key, {}) if isinstance(data, dict) else data[key]


def _key(mapping: dict[str, Any], parts: list[str], value: Any, annotation: Any) -> str:
    """The key of ``mapping`` that a dotted key begins with.

    Names of parameters have dots of their own (beta1_schedule.tau). Of the beginnings that are there the longest is
    meant, unless what follows can only be the rest of a new name.
    """
    beginnings = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    there = [key for key in reversed(beginnings) if key in mapping]
    if fields(annotation):
        return there[0] if there else parts[0]
    member = below(annotation, parts[0])

    def leads_on(key: str) -> bool:
        """Whether what follows can stand below it."""
        rest = parts[key.count(".") + 1 :]
        return not rest or rest[0] in fields(member) or typing.get_origin(member) is dict

    # A part of a parameter that is misspelt is no new parameter, which would be a mapping.
    new = filter(leads_on, beginnings) if isinstance(value, dict) or not fields(member) or not there else ()
    return next(iter([*filter(leads_on, there), *new, *there, *beginnings]))


def _put(places: dict[Path, Place], path: Path, place: Place) -> None:
    """Note where the value at ``path`` comes from, all of it, and the mappings that were made for it."""
    for below_it in [one for one in places if one[: len(path)] == path]:
        del places[below_it]
    for length in range(1, len(path) + 1):
        places.setdefault(path[:length], place)
