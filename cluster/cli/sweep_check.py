"""``adamant check SWEEP``: whether all that a sweep has recorded agrees, and mending what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cluster.console.command_line import FAILED
from cluster.console.shared_console import console
from cluster.run.on_screen import print_lines
from cluster.storage.sweep_folder import SweepFolder
from search_spaces.schema.words import plural

if TYPE_CHECKING:
    from cluster.audit.audit import Audit


def sweep_at(target: str, storage: str, *, is_sweep: bool) -> SweepFolder | None:
    """Return the sweep that ``target`` names: by its folder, or by its name in ``storage``; None where it names none.

    A name that is registered as well names no sweep, unless ``is_sweep`` says that it does.
    """
    path = Path(target).expanduser()
    if path.is_dir() and (at := SweepFolder(path.resolve().parent, path.resolve().name)).is_begun:
        return at
    folder = SweepFolder(storage, target)
    if is_sweep:
        return folder
    if not folder.is_begun:
        return None
    if _is_registered(target):
        typer.echo(f"note: {target} is also a sweep; to check that: adamant check {folder.path}", err=True)
        return None
    return folder


def _is_registered(name: str) -> bool:
    import trainables
    from optimizers.factory import OPTIMIZERS

    return name in trainables.names() or name in {entry.name for entry in OPTIMIZERS.entries()}


def check_sweep(folder: SweepFolder, *, repair: bool, trusted: bool, as_json: bool) -> int:
    """Print what an audit of the sweep finds; return the exit code."""
    from cluster.audit.audit import audit

    if not folder.is_begun:
        folder.open()  # which says what there is
    found = audit(folder, repair=repair, trusted=trusted)
    if as_json:
        typer.echo(json.dumps(_as_data(found), indent=2))
    else:
        _print(found, folder)
    return 0 if found.is_whole else FAILED


def _as_data(found: Audit) -> dict[str, Any]:
    findings = [
        {"part": one.part, "about": one.about, "state": one.state, "kind": one.kind, "problem": one.problem}
        for one in found.findings
    ]
    return {
        "sweep": found.name,
        "whole": found.is_whole,
        "recorded": found.recorded,
        "failures": found.failures,
        "digest": found.digest,
        "findings": findings,
    }


def _print(found: Audit, folder: SweepFolder) -> None:
    from cluster.audit.audit_findings import State
    from cluster.console.console_tables import print_rows

    if found.findings:
        rows = [{"part": one.part, "about": one.about, "": one.state, "what": one.problem} for one in found.findings]
        print_rows(console, rows)
    damaged, still_open = found.having(State.DAMAGED), found.having(State.OPEN)
    lines = [f"{found.name}: {found.recorded}. Digest {found.digest[:12]}."] if found.digest else []
    if damaged:
        can_be_mended = sum(one.mend is not None for one in damaged)
        how = f", of which --repair mends {can_be_mended}" if can_be_mended else ""
        lines.append(f"Damaged: {plural(len(damaged), 'part')}{how}.")
    if still_open:
        lines.append(f"It has not ended; go on with: adamant resume {found.name} --storage {folder.storage}")
    if found.is_whole:
        lines.append("Everything is there, once, and study, records, MLflow and data agree.")
    print_lines(console, lines)
