"""What installed packages offer by entry points, as ``adamant.optimizers``: known by name, and loaded when used."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec
from typing import Any

from optimizers.errors import InputError, one_line


@dataclass(frozen=True)
class Plugin:
    """An entry point: its name, the "module:attribute" that it stands for, and the package that has it."""

    name: str
    target: str
    package: str
    version: str

    @property
    def origin(self) -> str:
        """Such as "lab_optimizers:Mine of lab-optimizers 1.2"."""
        return f"{self.target} of {self.package} {self.version}"

    def load(self) -> Any:
        """Import and return the object. Raises InputError where it cannot be had."""
        module, _, attribute = self.target.partition(":")
        try:
            return importlib.metadata.EntryPoint(self.name, f"{module}:{attribute}", "").load()
        except Exception as error:
            raise InputError(f"it cannot be loaded ({type(error).__name__}: {one_line(error)})") from error

    def missing(self) -> str:
        """Return what keeps it from being loaded, "" where nothing is known to; this imports nothing."""
        module, _, attribute = self.target.partition(":")
        if not attribute:
            return f'its entry point names a module alone, "{module}"; write module:attribute'
        return "" if _is_there(module) else f"there is no module {module}"


@lru_cache
def plugins(group: str) -> Mapping[str, tuple[Plugin, ...]]:
    """Return the entry points of a group by their names; this imports nothing of them."""
    found: dict[str, tuple[Plugin, ...]] = {}
    for one in importlib.metadata.entry_points(group=group):
        package, version = (one.dist.name, one.dist.version) if one.dist else ("an unknown package", "")
        target = f"{one.module}:{one.attr}" if one.attr else one.module
        found[one.name] = (*found.get(one.name, ()), Plugin(one.name, target, package, version))
    return dict(sorted(found.items()))


def _is_there(module: str) -> bool:
    """Whether a module would be found, without importing the packages above it."""
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        path = None if spec is None else spec.submodule_search_locations
        if spec is not None and path is None:
            return False
        name = ".".join(parts[:length])
        finders = (finder.find_spec(name, path) for finder in sys.meta_path)
        spec = next((one for one in finders if one is not None), None)
        if spec is None:
            return False
    return True
