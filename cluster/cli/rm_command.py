"""``adamant rm``: a sweep, taken away with all that was recorded of it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cluster.cli.options import Storage, sweep_names
from cluster.cli.watch_commands import sweep_folder
from cluster.console.command_line import clear_errors, echo
from optimizers import InputError
from optimizers.shown_text import shown
from search_spaces.stores.default_names import DEFAULT_STORAGE


@clear_errors
def rm(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="The sweeps' names.", autocompletion=sweep_names)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Remove sweeps with their runs in MLflow, studies, checkpoints, reports and artefacts, for good."""
    from cluster.inventory.disk_use import disk_use
    from cluster.inventory.removal import finish_removals, kept_elsewhere, remove

    wanted = dict.fromkeys(names)
    begun = [one for name in wanted for one in finish_removals(storage, name, asked=True)]
    folders = [sweep_folder(name, storage) for name in wanted if name not in {one.name for one in begun}]
    if folders and not yes:
        took = disk_use(*(path for one in folders for path in (one.path, one.artifacts_of_sweep))).bytes
        elsewhere = "".join(f"\n{one.name}: {where}" for one in folders for where in kept_elsewhere(one))
        _ask(f"Remove {', '.join(one.name for one in folders)} for good ({took / 1e6:,.1f} MB)?{elsewhere}")
    for removed in (*begun, *map(remove, folders)):
        echo(f"{removed.name}: removed; {removed.bytes / 1e6:,.1f} MB are free again." + what_is_left(removed.left))


def what_is_left(left: str) -> str:
    return f" {left}." if left else ""


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise InputError("rm: nobody is there to be asked; give --yes")
    if not typer.confirm(shown(question), err=True):
        raise InputError("nothing was removed")
