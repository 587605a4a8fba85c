"""Commands about a sweep, as they are told to type them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.stores.default_names import DEFAULT_STORAGE

if TYPE_CHECKING:
    from cluster.storage.sweep_folder import SweepFolder


def command_for(folder: SweepFolder, command: str) -> str:
    """Return such as "adamant resume NAME", with the storage folder where that is not the default of this place."""
    default = folder.storage == Path(DEFAULT_STORAGE).resolve()
    where = "" if default else f" --storage {shlex.quote(str(folder.storage))}"
    return f"adamant {command} {folder.name}{where}"
