"""``adamant status|stop``: a sweep that another terminal or job runs, looked at and ended."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import Storage, SweepName
from cluster.console.command_line import FAILED, clear_errors, echo
from cluster.console.shared_console import console
from cluster.polling import holds_within
from cluster.sessions.standing import State, read_standing
from cluster.storage.commands import command_for
from optimizers import InputError
from search_spaces.schema.words import duration
from search_spaces.stores.default_names import DEFAULT_STORAGE

if TYPE_CHECKING:
    from cluster.inventory.sweep_state import SweepState
    from cluster.storage.sweep_folder import SweepFolder

LOOK_S = 1.0
# A driver that is told to end closes its runs in MLflow, and its Ray, first.
ENDING_S = 90.0


@clear_errors
def status(
    name: SweepName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the sweep's driver ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    storage: Storage = DEFAULT_STORAGE,
) -> int:
    """Say how a sweep stands, arm by arm; with -f exit code 1 when it did not come to its end."""
    from cluster.run.on_screen import print_lines, width_of

    folder = sweep_folder(name, storage)
    if follow and as_json:
        raise InputError("--json tells how a sweep stands now; leave out --follow")
    if follow and not _followed(folder):
        echo(f"The sweep goes on; look again with: {command_for(folder, 'status')}")
        return 0
    state = _state_of(folder)
    if as_json:
        typer.echo(json.dumps(_as_data(name, state), indent=2))
    else:
        print_lines(console, lines_of(folder, state, width_of(console)))
    return FAILED if follow and state.state != State.DONE else 0


@clear_errors
def stop(name: SweepName, storage: Storage = DEFAULT_STORAGE) -> int:
    """End a sweep that another terminal runs, so that it can be gone on with."""
    folder = sweep_folder(name, storage)
    standing = read_standing(folder, folder.manifest().sweep_id)
    if standing is None or not standing.is_driven:
        echo(f"{name}: nobody works on it. {_how_it_is_gone_on_with(folder, _state_of(folder))}")
        return 0
    driver = standing.driver
    if not driver.is_here:
        raise InputError(
            f"{name}: its driver is the process {driver.pid} on {driver.host}, which cannot be seen from here; run "
            f"`adamant stop {name}` there, or `adamant cluster stop {name}` for a job of a cluster"
        )
    try:
        sent = driver.terminate(folder.lock)
    except PermissionError:
        raise InputError(
            f"{name}: its driver, the process {driver.pid}, is another user's; ask them to end it"
        ) from None
    if not sent and driver.is_alive:
        raise InputError(
            f"{name}: the process {driver.pid} is said to be its driver, and has not locked {folder.path}; it is left "
            "alone"
        )
    echo(f"{name}: its driver, the process {driver.pid}, saves what it has, and ends ...")
    if not holds_within(ENDING_S, lambda: not driver.is_alive):
        echo(f"It still works after {duration(ENDING_S)}; look again with: {command_for(folder, 'status')}")
        return FAILED
    state = _state_of(folder)
    done, asked = state.totals
    echo(f"It has ended, with {done} of {asked} runs done. {_how_it_is_gone_on_with(folder, state)}")
    return 0


def sweep_folder(name: str, storage: str) -> SweepFolder:
    """Return the folder of a sweep. Raises InputError, with the nearest name, where there is none."""
    from cluster.storage.sweep_folder import SweepFolder

    folder = SweepFolder(storage, name)
    if not folder.exists:
        folder.open()
    return folder


def lines_of(folder: SweepFolder, state: SweepState, width: int) -> list[str]:
    """Return how a sweep stands in lines: the whole, each arm, and the last failures."""
    from cluster.console.progress import laid_out

    arms = laid_out(state.arms, width) if state.arms else []
    failures = ["The last runs that failed:", *(f"  {failure}" for failure in state.failures)]
    rest = [] if state.is_live else [_how_it_is_gone_on_with(folder, state)]
    return [_total(folder.name, state), *arms, *(failures if state.failures else []), *rest]


def _total(name: str, state: SweepState) -> str:
    done, asked = state.totals
    parts = [f"{name}: {state.state}" + (f" ({state.reason})" if state.reason else "")]
    parts += [f"{done}/{asked} done"] if asked else []
    if standing := state.standing:
        parts.append(f"{duration(standing.seconds)} so far" if state.is_live else f"in {duration(standing.seconds)}")
        if state.is_live:
            left = standing.seconds_left
            parts.append("time left not known yet" if left is None else f"about {duration(left)} left")
            parts.append(f"by process {standing.driver.pid} on {standing.driver.host}")
    return ", ".join(parts)


def _how_it_is_gone_on_with(folder: SweepFolder, state: SweepState) -> str:
    if state.state == State.DONE:
        return f"It is done; its verdict: {command_for(folder, 'report')}"
    return f"Go on with: {command_for(folder, 'resume')}"


def _state_of(folder: SweepFolder) -> SweepState:
    from cluster.inventory.sweep_state import state_of
    from search_spaces.stores.study_storage import open_storage

    return state_of(folder, folder.manifest(), open_storage)


def _followed(folder: SweepFolder) -> bool:
    """Show how a sweep stands until its driver ends; return False where whoever looks has had enough."""
    from cluster.run.on_screen import on_screen, width_of

    state = _state_of(folder)

    def lines() -> list[str]:
        return lines_of(folder, state, width_of(console))

    try:
        with on_screen(console, lines, lines):
            while state.is_live:
                time.sleep(LOOK_S)
                state = _state_of(folder)
    except KeyboardInterrupt:
        return False
    return True


def _as_data(name: str, state: SweepState) -> dict[str, object]:
    done, asked = state.totals
    standing = state.standing
    return {
        "sweep": name,
        "state": state.state,
        "reason": state.reason,
        "runs_done": done,
        "runs_asked": asked,
        "seconds": standing and standing.seconds,
        "seconds_left": standing and standing.seconds_left if state.is_live else None,
        "driver": {"host": standing.driver.host, "process": standing.driver.pid}
        if standing and state.is_live
        else None,
        "arms": [asdict(arm) for arm in state.arms],
        "failures": list(state.failures),
    }
