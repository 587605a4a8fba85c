"""``adamant sweeps``: every sweep of the storage folder in a table."""

from __future__ import annotations

import json
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.cli.options import Storage
from cluster.cli.unfinished import finish_begun
from cluster.console.command_line import clear_errors, echo
from cluster.console.progress import short_number
from cluster.console.shared_console import console
from cluster.sessions.standing import State
from search_spaces.schema.words import duration
from search_spaces.stores.default_names import DEFAULT_STORAGE

if TYPE_CHECKING:
    from cluster.inventory.sweep_list import ListedSweep

# Of a sweep that cannot be read.
UNREADABLE = "unreadable"


class SortedBy(StrEnum):
    CHANGED = "changed"
    NAME = "name"
    STATE = "state"
    DISK = "disk"


@clear_errors
def sweeps(
    pattern: Annotated[str, typer.Argument(help="Only sweeps of such names, such as 'mnist-*'.")] = "*",
    state: Annotated[
        list[State] | None, typer.Option("--state", help="Only sweeps that stand so. May be given several times.")
    ] = None,
    sort: Annotated[SortedBy, typer.Option(help="The newest, or the largest, come first.")] = SortedBy.CHANGED,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """List the sweeps of the storage folder: how they stand, what they found, and what they take."""
    from cluster.console import console_tables
    from cluster.inventory.sweep_list import sweep_list

    finish_begun(storage)
    found = [one for one in sweep_list(storage) if fnmatchcase(one.name, pattern)]
    wanted = [one for one in found if not state or (one.state is not None and one.state.state in state)]
    listed = sorted(wanted, key=_KEYS[sort])
    if as_json:
        typer.echo(json.dumps(list(map(_as_data, listed)), indent=2))
    elif listed:
        console_tables.print_list(console, list(map(_row, listed)), "More of each: adamant status NAME; all: --json")
    else:
        echo(f"{storage}: there is no such sweep.")
    for one in listed:
        if one.problem:
            echo(f"warning: {one.name}: {one.problem}", err=True)


_KEYS = {
    SortedBy.CHANGED: lambda one: -one.changed.timestamp(),
    SortedBy.NAME: lambda one: one.name,
    SortedBy.STATE: lambda one: (_state(one), -one.changed.timestamp()),
    SortedBy.DISK: lambda one: -one.bytes,
}


def _state(one: ListedSweep) -> str:
    return UNREADABLE if one.state is None else str(one.state.state)


def _row(one: ListedSweep) -> dict[str, str]:
    done, asked = one.state.totals if one.state else (0, 0)
    best = [f"{short_number(arm.best or 0.0)} ({arm.name})" for arm in one.state.best] if one.state else []
    return {
        "sweep": one.name,
        "state": _state(one),
        "runs": f"{done}/{asked}" if asked else "",
        "changed": one.changed.astimezone().strftime("%Y-%m-%d %H:%M"),
        "best": ", ".join(best),
        "verdict": one.verdict,
        "time": "" if one.seconds is None else duration(one.seconds),
        "disk": f"{one.bytes / 1e6:,.1f} MB",
        "arms": str(len(one.state.arms)) if one.state else "",
    }


def _as_data(one: ListedSweep) -> dict[str, Any]:
    told = one.state
    done, asked = told.totals if told else (None, None)
    return {
        "sweep": one.name,
        "state": _state(one),
        "reason": one.problem or (told.reason if told else ""),
        "arms": [arm.name for arm in told.arms] if told else [],
        "runs_done": done,
        "runs_asked": asked,
        "best": [{"arm": arm.name, "metric": arm.metric, "value": arm.best} for arm in told.best] if told else [],
        "findings": one.findings,
        "seconds": one.seconds,
        "bytes": one.bytes,
        "changed": one.changed.isoformat(),
    }
