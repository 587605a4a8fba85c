"""Installed packages that a sweep uses: found, and identified, without executing anything of them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution
from pathlib import Path

from optimizers.errors import InputError
from optimizers.user_code._bundle_finder import BundleFinder

UNKNOWN = "of unknown version"


@dataclass(frozen=True)
class InstalledPackage:
    """An installed top-level module; ``sha256`` is of its files' digests as its distribution records them."""

    name: str
    version: str
    sha256: str


def installed_module(name: str) -> str | None:
    """Return the file of an installed top-level module, "" for one without a file; None where there is none."""
    if name in sys.stdlib_module_names:
        return ""
    spec = _spec(name)
    return None if spec is None else spec.origin or ""


@lru_cache
def installed_package(name: str) -> InstalledPackage:
    """Return the installed package whose top-level module has that name. Raises InputError where there is none."""
    spec = _spec(name)
    if spec is None:
        raise InputError(
            f'no module "{name}" is installed, and there is no folder {name} with an __init__.py beside the sweep; '
            f"write {name}.py for a file"
        )
    names = importlib.metadata.packages_distributions().get(name, [])
    found = importlib.metadata.distribution(names[0]) if names else None
    version = found.version if found else UNKNOWN
    return InstalledPackage(name, version, _recorded(found, name) or _of_files(spec))


def _spec(name: str) -> ModuleSpec | None:
    """Return where an installed top-level module would be imported from; this imports nothing."""
    finders = [one for one in sys.meta_path if not isinstance(one, BundleFinder)]
    return next((spec for finder in finders if (spec := finder.find_spec(name, None)) is not None), None)


def _recorded(distribution: Distribution | None, name: str) -> str:
    """Return a digest of what the distribution recorded of its files; "" where it recorded none of this module."""
    files = (distribution.files if distribution else None) or []
    own = [one for one in files if one.hash and (one.parts[0] == name or one.parts == (f"{name}.py",))]
    told = sorted((one.as_posix(), one.hash.value) for one in own if one.hash and one.suffix != ".pyc")
    return hashlib.sha256(repr(told).encode()).hexdigest() if told else ""


def _of_files(spec: ModuleSpec) -> str:
    """Return a digest of a module's source files, of a package that is installed in place."""
    folders = [Path(one) for one in spec.submodule_search_locations or ()]
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    digest = hashlib.sha256()
    for file in files or ([Path(spec.origin)] if spec.origin and Path(spec.origin).is_file() else []):
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
