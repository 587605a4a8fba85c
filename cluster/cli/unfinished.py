"""Removals and imports that were cut off, which the next command finishes."""

from __future__ import annotations

from pathlib import Path

from cluster.cli.rm_command import what_is_left
from cluster.console.command_line import echo
from optimizers import InputError


def finish_begun(storage: str) -> None:
    """Finish what was cut off, and tell of it; warn where that cannot be. Loads nothing where there is nothing."""
    from cluster.storage.staging import IMPORTED, REMOVED, staged

    root = Path(storage).expanduser().resolve()
    try:
        if staged(root / REMOVED):
            from cluster.inventory.removal import finish_removals

            for removed in finish_removals(root):
                told = f"{removed.name}: its removal was cut off, and is finished now."
                echo(told + what_is_left(removed.left), err=True)
        if staged(root / IMPORTED):
            from cluster.transfer.importing import finish_imports

            for name in finish_imports(root):
                echo(f"{name}: its import was cut off, and is finished now.", err=True)
    except InputError as error:
        echo(f"warning: {error}", err=True)
