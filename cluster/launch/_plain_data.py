"""Looking into plain data from YAML that anybody wrote, so that nothing is where it should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from search_spaces.schema.yaml_source import Path


def mapping(value: Any) -> dict[str, Any]:
    """``value`` when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The items of a list, those that are no mappings as empty ones; of anything else none."""
    return [mapping(item) for item in value] if isinstance(value, list) else []


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value with the path to it, the whole first."""
    yield path, value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in entries:
        yield from walk(child, (*path, key))
