"""``adamant validate|list|data``: what can be said before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import Data, Set, Size, Storage
from cluster.console.command_line import clear_errors, echo
from cluster.console.shared_console import console
from optimizers import InputError
from search_spaces.stores.default_names import DEFAULT_STORAGE

if TYPE_CHECKING:
    from search_spaces import Sweep


class Kind(StrEnum):
    workloads = "workloads"
    optimizers = "optimizers"
    spaces = "spaces"
    schedules = "schedules"
    samplers = "samplers"
    sweeps = "sweeps"


class DataAction(StrEnum):
    check = "check"
    fetch = "fetch"


@clear_errors
def validate(
    sweep: Annotated[str | None, typer.Argument(help="A sweep file, or the name of a ready sweep.")] = None,
    set_: Set = None,
    size: Size = None,
    data: Data = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of sweep files, for editors.")
    ] = False,
) -> None:
    """Check a sweep file without starting anything.

    Warn where its data is not on this machine, or its verdict will lack something.
    """
    from search_spaces import SweepFile, load_sweep

    if schema:
        typer.echo(json.dumps(SweepFile.model_json_schema(), indent=2))
    elif sweep is None:
        raise InputError("validate: name a sweep, or ask for --schema")
    else:
        checked = load_sweep(sweep, set_ or [], size)
        for line in checked.code.described():
            echo(f"`adamant run` would execute {line}")
        trained = ", ".join(workload.name for workload in checked.by_workload.values())
        echo(f"{checked.name}: valid. {checked.extent}, on {trained}.")
        for warning in filter(None, [checked.warning, *_missing_data(checked, data)]):
            echo(f"warning: {warning}", err=True)


def _missing_data(sweep: Sweep, given: str | None) -> Iterator[str]:
    """What is wrong with the data of its workloads, except of a user's own, whose code would be executed."""
    import trainables
    from cluster.storage.sweep_folder import data_root_of
    from optimizers.user_code import is_own

    for workload in sweep.by_workload.values():
        if not is_own(workload.name):
            try:
                trainables.get(workload.name).check_data(data_root_of(DEFAULT_STORAGE, given), workload.options)
            except InputError as error:
                yield str(error)


@clear_errors
def list_(
    kind: Kind,
    name: Annotated[str | None, typer.Argument(help="All there is to say of one of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List workloads, optimizers, spaces, schedules, samplers or sweeps."""
    from cluster.cli.listing import row, rows
    from cluster.console import console_tables

    listed = rows(kind.value) if name is None else row(kind.value, name)
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
    elif isinstance(listed, dict):
        console_tables.print_row(console, listed)
    else:
        name = next(iter(listed[0].values()))
        console_tables.print_list(
            console, listed, f"All there is to say of one: adamant list {kind.value} {name}; all: --json"
        )


@clear_errors
def data(
    action: Annotated[DataAction, typer.Argument(help="check or fetch")] = DataAction.check,
    names: Annotated[list[str] | None, typer.Argument(help="Workloads whose data to fetch; all when left out.")] = None,
    storage: Storage = DEFAULT_STORAGE,
    data: Data = None,
) -> int:
    """Say which data is there, what is missing and how to get it; or fetch what can be downloaded."""
    import trainables
    from cluster.cli.listing import data_sets
    from cluster.console import console_tables
    from cluster.storage.sweep_folder import data_root_of
    from trainables.workloads.catalogue import WORKLOADS

    root = data_root_of(storage, data)
    if action is DataAction.fetch:
        for name in names or [entry.name for entry in WORKLOADS.entries()]:
            entry = trainables.get(name)
            if names or entry.fetches_data:
                entry.obtain_data(root)
    console.print(f"Data folder: {root}", highlight=False, markup=False, soft_wrap=True)
    console_tables.print_rows(console, data_sets(root))
    return 0
