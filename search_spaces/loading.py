"""From a sweep's text to a :class:`Sweep`, with errors that say where, what and what would be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optimizers import InputError, did_you_mean
from search_spaces import catalogue
from search_spaces.checks import check_sweep
from search_spaces.overrides import apply_overrides, apply_size
from search_spaces.schema import Sweep
from search_spaces.validation import no_name, validated
from search_spaces.yaml_source import Path as KeyPath
from search_spaces.yaml_source import load_yaml, read_text


def load_sweep(path_or_name: str, overrides: Sequence[str] = (), size: str | None = None) -> Sweep:
    """Read a sweep file, or a ready sweep by its name, in one of its sizes and with ``--set`` assignments applied.

    Raises InputError when there is no such sweep or when anything in it is wrong.
    """
    path = _find(path_or_name)
    return parse_sweep(read_text(path), str(path), overrides, size)


def parse_sweep(text: str, source: str = "sweep.yaml", overrides: Sequence[str] = (), size: str | None = None) -> Sweep:
    """A validated sweep from YAML text; ``source`` names the text in errors. Raises InputError."""
    document = load_yaml(text, source)
    if size is not None:
        document = apply_size(document, size)
    document = apply_overrides(document, overrides)
    if not isinstance(document.data, dict):
        raise document.error((), "a sweep is a mapping with name, workload, baseline and arms")
    sweep = validated(Sweep, document, _wording)
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


def _wording(path: KeyPath, details: Mapping[str, Any]) -> str | None:
    """What a sweep says better than pydantic."""
    if details["type"] != "string_pattern_mismatch":
        return None
    if path[:1] == ("tradeoffs",):
        return (
            "a search looks at the validation split alone, val/..., and at summary/train_seconds and "
            f"summary/steps_to_target, not at {details['input']!r}"
        )
    if path[-2:] == ("metric", "name"):
        return f"a search looks at the validation split alone, val/..., not {details['input']!r}"
    return no_name(details["input"]) if path in (("name",), ("baseline",)) else None
