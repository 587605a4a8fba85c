"""``adamant faults``: a small sweep, disturbed at random moments, against one that nobody disturbed."""

from __future__ import annotations

import random
import secrets
import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.console.command_line import FAILED, clear_errors
from cluster.console.shared_console import console
from cluster.run.on_screen import print_lines
from optimizers import InputError, did_you_mean

if TYPE_CHECKING:
    from cluster.faults.campaign import Done, Ended
    from cluster.faults.disturbed_server import DisturbedServer
    from cluster.faults.fault import Fault


@clear_errors
def faults(
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="How many faults are done.")] = 10,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draws faults and moments; one is drawn and printed if left out.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="WORDS", help="Faults whose names hold these; repeatable.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the faults, and do none.")] = False,
) -> int:
    """Do faults to a small sweep on this machine at random moments, and see whether it finds the same."""
    from cluster.faults.campaign import Campaign
    from cluster.faults.disturbed_server import DisturbedServer
    from cluster.faults.fault import UnexpectedError
    from cluster.ray.interruption import interrupt_on_signals

    work = Path(tempfile.gettempdir()) / f"adamant-faults-{secrets.token_hex(4)}"
    server = DisturbedServer(work / "server")
    chosen = _chosen(server, only or [])
    if list_:
        print_lines(console, [fault.name for fault in chosen])
        return 0
    drawn = secrets.randbelow(10**6) if seed is None else seed
    print_lines(console, [f"Seed {drawn}, {rounds} faults of {len(chosen)} kinds, in {work}"])
    work.mkdir(mode=0o700)
    interrupt_on_signals(lambda: None)  # so that whatever ends this process, nothing that it has started lives on
    ended: list[Ended] = []
    with ExitStack() as stack:
        stack.callback(lambda: _tidy(work, ended))
        uris = [""]
        if any(fault.needs_server for fault in chosen):
            stack.enter_context(server)
            uris = [server.uri] if all(fault.needs_server for fault in chosen) else ["", server.uri]
        campaign = Campaign(work, chosen, random.Random(drawn), _say, uris)
        try:
            for one in campaign.run(rounds):
                ended.append(one)
        except UnexpectedError as error:
            raise OSError(str(error)) from error
    _print(ended)
    return 0 if all(one.is_good for one in ended) else FAILED


def _say(line: str) -> None:
    print_lines(console, [line])


def _chosen(server: DisturbedServer, only: Sequence[str]) -> list[Fault]:
    from cluster.faults.file_faults import file_faults
    from cluster.faults.process_faults import process_faults
    from cluster.faults.server_faults import server_faults

    known = [*process_faults(), *file_faults(), *server_faults(server)]
    for words in only:
        if not any(words in fault.name for fault in known):
            near = did_you_mean(words, [fault.name for fault in known])
            raise InputError(f"--only {words}: no fault has a name with this; --list shows them.{near}")
    return [fault for fault in known if not only or any(words in fault.name for words in only)]


def _tidy(work: Path, ended: Sequence[Ended]) -> None:
    """Leave the folder where something is to be looked into."""
    if ended and all(one.is_good for one in ended):
        shutil.rmtree(work, ignore_errors=True)
    else:
        print_lines(console, [f"What is to be looked into is in {work}"])


def _print(ended: Sequence[Ended]) -> None:
    from cluster.audit.audit_findings import Kind
    from cluster.console.console_tables import print_rows

    by_name: dict[str, list[tuple[Done, Ended]]] = defaultdict(list)
    for one in ended:
        for done in one.done:
            by_name[done.fault.name].append((done, one))
    rows = [
        {
            "fault": name,
            "times": len(of_one),
            "median s": f"{statistics.median(done.seconds for done, _ in of_one):.1f}",
            "most s": f"{max(done.seconds for done, _ in of_one):.1f}",
            "took": max(done.remedy for done, _ in of_one).name.lower(),
            "lost": sum(one.count(Kind.LOST) for _, one in of_one),
            "twice": sum(one.count(Kind.TWICE) for _, one in of_one),
            "not the same": sum(not one.is_good for _, one in of_one),
        }
        for name, of_one in sorted(by_name.items())
    ]
    if rows:
        print_rows(console, rows)
    good = sum(one.is_good for one in ended)
    count = sum(len(one.done) for one in ended)
    print_lines(console, [f"{count} faults, {len(ended)} sweeps, {good} of them as if nobody had disturbed them."])
