"""Named spaces and ready sweeps: YAML files by their names, those that ship with Adamant and those of a user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from optimizers import InputError
from optimizers.registry import Registry

DEFAULT = "default"
"""The name of the space that is each optimizer's own."""
_ROOM = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ReadyFile:
    """A YAML file whose name, without the suffix, a sweep or a command gives. It is read when it is used."""

    path: Path

    @property
    def name(self) -> str:
        """Its name without the suffix."""
        return self.path.stem

    @property
    def origin(self) -> str:
        """Where it lies."""
        return str(self.path)


def _ours(folder: str) -> Iterable[ReadyFile]:
    return sorted(map(ReadyFile, (_ROOM / folder).glob("*.yaml")), key=lambda file: file.name)


SPACES: Registry[ReadyFile] = Registry("space", _ours("spaces"))
DEFAULT_SPACES: Registry[ReadyFile] = Registry("default space", _ours("spaces/defaults"))
"""By the names of the optimizers."""
SWEEPS: Registry[ReadyFile] = Registry("ready sweep", _ours("sweeps"))


def register_space(path: Path) -> None:
    """Let the arms of a sweep name the space in a YAML file, as ``adamant list spaces`` then does.

    InputError: the name is taken.
    """
    if path.stem == DEFAULT:
        raise InputError(f'{path}: "{DEFAULT}" is the space of each optimizer; give this one another name.')
    SPACES.register(ReadyFile(path))


def register_default_space(path: Path) -> None:
    """Make the space in a YAML file what is searched of the optimizer of that name where an arm does not say.

    InputError: the optimizer has one.
    """
    DEFAULT_SPACES.register(ReadyFile(path))


def register_sweep(path: Path) -> None:
    """Let commands name the sweep in a YAML file, as ``adamant list sweeps`` then does.

    InputError: the name is taken.
    """
    SWEEPS.register(ReadyFile(path))
