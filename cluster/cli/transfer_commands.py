"""``adamant export|import``: a sweep as one file, which another machine opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.cli.options import Data, Storage, SweepName, TrackingUri, Trust
from cluster.cli.watch_commands import sweep_folder
from cluster.console.command_line import clear_errors, echo
from cluster.storage.commands import command_for
from search_spaces.stores.default_names import DEFAULT_STORAGE


@clear_errors
def export(
    name: SweepName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write, such as NAME.zip.")],
    trust: Trust = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Write a sweep to one file: its studies, trials, checkpoints, curves, report and code."""
    from cluster.storage.destinations import check_output_file
    from cluster.transfer.exporting import export as write

    check_output_file("--out", out)
    found = write(sweep_folder(name, storage), out, trusted=trust)
    echo(f"{out}: {name}, {found.recorded}; digest {found.digest[:12]}; {out.stat().st_size / 1e6:,.1f} MB.")


@clear_errors
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `adamant export` has written.")],
    storage: Storage = DEFAULT_STORAGE,
    tracking_uri: TrackingUri = None,
    data: Data = None,
    trust: Trust = False,
) -> None:
    """Take in a sweep that another machine has exported: here it is reported, replayed and gone on with as there."""
    from cluster.run.sweeps import Places
    from cluster.transfer.importing import import_sweep

    folder = import_sweep(file, Places(storage, tracking_uri, None, data), trusted=trust)
    echo(f"{folder.name} is in {folder.storage}. Its verdict: {command_for(folder, 'report')}")
