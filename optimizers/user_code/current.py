"""The user's code of the sweep that this process works on: described, which executes nothing, or importable."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any

from optimizers.errors import InputError, did_you_mean, one_line
from optimizers.user_code._bundle_finder import BundleFinder
from optimizers.user_code._installed import installed_package
from optimizers.user_code.code_bundle import CodeBundle

SEPARATOR = ":"


@dataclass(frozen=True)
class _State:
    """``modules`` are those that a name may begin with, ``importable`` whether they may be executed."""

    bundle: CodeBundle = field(default_factory=CodeBundle)
    modules: frozenset[str] = frozenset()
    importable: bool = False


_state = _State()
_finder: BundleFinder | None = None


def current() -> CodeBundle:
    """Return the code of the sweep that this process works on; an empty bundle where it uses none."""
    return _state.bundle


@contextmanager
def described(bundle: CodeBundle) -> Iterator[None]:
    """Inside, names are of this bundle, which is looked at as text and never executed."""
    with _exchanged(_State(bundle, bundle.modules)):
        yield


@contextmanager
def described_names(uses: Iterable[str]) -> Iterator[None]:
    """As :func:`described`, where the code itself is not at hand: of what is in it nothing is known."""
    with _exchanged(_State(modules=frozenset(PurePath(use).name.partition(".")[0] for use in uses))):
        yield


def load(bundle: CodeBundle) -> None:
    """Make the bundle importable in this process, in place of the one before.

    Raises InputError where a package is installed here in another version than the bundle was made with.
    """
    global _state, _finder  # noqa: PLW0603 - as sys.modules, which it goes with, it is one of a process
    if _state.importable and _state.bundle.digest == bundle.digest:
        return
    for package in bundle.packages:
        here = installed_package(package.name)
        if here != package:
            raise InputError(
                f"the sweep was begun with {package.name} {package.version} (sha256 {package.sha256[:12]}), and this "
                f"machine has {here.version} (sha256 {here.sha256[:12]}); install that version"
            )
    if _finder is not None:
        _finder.withdraw()
    _finder = BundleFinder(bundle.files, bundle.location)
    sys.meta_path.insert(0, _finder)
    _state = _State(bundle, bundle.modules, importable=True)


@contextmanager
def _exchanged(state: _State) -> Iterator[None]:
    global _state  # noqa: PLW0603
    before, _state = _state, state
    try:
        yield
    finally:
        _state = before


def is_own(name: object) -> bool:
    """Whether a name is of the form "module:Class"."""
    return isinstance(name, str) and SEPARATOR in name


def source_of(name: str) -> str | None:
    """Return the source that defines "module:Class" as far as it is known without executing anything."""
    return _state.bundle.source(name.partition(SEPARATOR)[0])


def is_importable(name: str) -> bool:
    """Whether "module:Class" is of code that may be executed here. Raises InputError where it is not under ``uses``."""
    module = name.partition(SEPARATOR)[0].partition(".")[0]
    if module not in _state.modules:
        known = f"it lists {', '.join(sorted(_state.modules))}" if _state.modules else "it lists nothing"
        raise InputError(
            f'"{name}" needs {module} under uses, as in uses: [{module}.py] for a file beside the sweep or '
            f"uses: [{module}] for an installed package; {known}"
        )
    return _state.importable


def resolve(name: str) -> Any:
    """Import and return what "module:Class" names.

    Raises InputError where the module is not under ``uses``, where it does not exist or cannot be imported, with the
    line of the user's file, and where it has no such attribute.
    """
    is_importable(name)
    module_name, _, path = name.partition(SEPARATOR)
    found: Any = _imported(module_name)
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            public = [one for one in vars(found) if not one.startswith("_")] if hasattr(found, "__dict__") else []
            raise InputError(f'{module_name} has no "{attribute}".{did_you_mean(attribute, public)}')
        found = getattr(found, attribute)
    return found


def _imported(module: str) -> Any:
    with _told_by_line(module):
        return importlib.import_module(module)


@contextmanager
def _told_by_line(module: str) -> Iterator[None]:
    """Turn whatever a user's module raises while it is imported into an InputError that names the line."""
    try:
        yield
    except Exception as error:
        place = place_of(error.__traceback__)
        raise InputError(
            f"{place or module}: {module} cannot be imported ({type(error).__name__}: {one_line(error)}){_hint(error)}"
        ) from error


def _hint(error: Exception) -> str:
    """What to do where a file that lies beside the others is not among them; "" for any other error."""
    name = error.name if isinstance(error, ModuleNotFoundError) and error.name else ""
    missing = f"{name.partition('.')[0]}.py"
    if not name or not Path(_state.bundle.location, missing).is_file():
        return ""
    return f"; {missing} is beside it: list it too, as in uses: [{', '.join((*_state.bundle.uses, missing))}]"


def place_of(trace: TracebackType | None) -> str:
    """Return the file and line of the user's that an error came from last; "" where it came from none."""
    names = {f"{_state.bundle.location}/{name}" for name in _state.bundle.files}
    own = [frame for frame in traceback.extract_tb(trace) if frame.filename in names]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""
