"""``adamant validate|plan|list|data``: what can be said before anything is trained."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import Data, Set, Size, Storage
from cluster.console.command_line import clear_errors
from cluster.console.shared_console import console
from cluster.storage.sweep_folder import DEFAULT_STORAGE
from optimizers import InputError, user_code

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
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of sweep files, for editors.")
    ] = False,
) -> None:
    """Check a sweep file without starting anything."""
    from search_spaces import SweepFile, load_sweep

    if schema:
        typer.echo(json.dumps(SweepFile.model_json_schema(), indent=2))
    elif sweep is None:
        raise InputError("validate: name a sweep, or ask for --schema")
    else:
        checked = load_sweep(sweep, set_ or [], size)
        _tell_code(checked)
        trained = ", ".join(workload.name for workload in checked.by_workload.values())
        typer.echo(f"{checked.name}: valid. {checked.extent}, on {trained}.")


@clear_errors
def plan(
    sweep: Annotated[str, typer.Argument(help="A sweep file, or the name of a ready sweep.")],
    set_: Set = None,
    size: Size = None,
    probe: Annotated[bool, typer.Option("--probe", help="Train each arm for some seconds, to tell times.")] = False,
    slots: Annotated[int | None, typer.Option(min=1, help="Runs at once; as many as fit here if left out.")] = None,
    price: Annotated[
        float | None, typer.Option(help="Price of an hour of a core, or of a GPU if trials take one.")
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a sweep will cost, before anything starts."""
    from cluster.console import console_tables
    from cluster.planning import plan as planning
    from cluster.planning import planned, preflight
    from cluster.storage.sweep_folder import data_root_of
    from search_spaces import load_sweep

    if price is not None and not (math.isfinite(price) and price >= 0):
        raise InputError(f"--price {price}: must be a finite number, and not negative")
    checked = load_sweep(sweep, set_ or [], size)
    root = data_root_of(storage, data)
    if probe and checked.code.digest:
        raise InputError("--probe executes the code that the sweep uses; ask for it by `adamant run --probe`")
    if probe:
        preflight.check_resources(checked, None)
        preflight.check_data(checked, root)
        made = planning.probed_plan(checked, root, slots)
    else:
        with user_code.described(checked.code):
            steps = planning.steps_per_epoch(checked, root)
            made = planning.make_plan(checked, steps, slots or planning.slots_here(checked))
    if not as_json:
        _tell_code(checked)
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
        return
    console_tables.print_rows(console, planned.rows(made))
    for line in planned.totals(made, checked, price):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _tell_code(sweep: Sweep) -> None:
    """Say which code a run of the sweep would execute."""
    for line in sweep.code.described():
        typer.echo(f"`adamant run` would execute {line}")


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
