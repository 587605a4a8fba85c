"""``--set search.trials=64`` and ``--size small``: values put over a sweep file."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from optimizers import InputError, did_you_mean
from search_spaces.yaml_source import Document, load_yaml


def apply_overrides(document: Document, assignments: Sequence[str]) -> Document:
    """The document with each ``dotted.key=value`` put in; values are read as YAML.

    Raises InputError for an assignment without ``=`` or one that leads through something that is no mapping.
    """
    data, places = copy.deepcopy(document.data), dict(document.places)
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        source = f"--set {assignment}"
        if not separator or not key.strip():
            raise InputError(f"{source}: write a key and a value, for example --set search.trials=64")
        path = _assign(data, key.strip(), load_yaml(text, source).data, source)
        places[path] = source
    return Document(data, document.source, places)


def apply_size(document: Document, size: str) -> Document:
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
        places[_assign(data, str(key), value, place)] = place
    return Document(data, document.source, places)


def _assign(data: Any, dotted: str, value: Any, source: str) -> tuple[str, ...]:
    parts = dotted.split(".")
    path: list[str] = []
    while True:
        if not isinstance(data, dict):
            raise InputError(f"{source}: {'.'.join(path) or 'the sweep'} is no mapping, so nothing can be set below it")
        key = _longest_known_key(data, parts)
        path.append(key)
        parts = parts[key.count(".") + 1 :]
        if not parts:
            data[key] = value
            return tuple(path)
        data = data.setdefault(key, {})


def _longest_known_key(mapping: dict[str, Any], parts: list[str]) -> str:
    """Parameter names have dots of their own (beta1_schedule.tau), so the longest key that exists is meant."""
    for length in range(len(parts), 0, -1):
        key = ".".join(parts[:length])
        if key in mapping:
            return key
    return parts[0]
