"""``adamant cluster submit|status|logs|stop``: sweeps as jobs of a running cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.command_line import FAILED, clear_errors
from optimizers import InputError

console = Console()
Address = Annotated[
    str | None,
    typer.Option(
        envvar="RAY_API_SERVER_ADDRESS", help="Dashboard of a running cluster, such as http://127.0.0.1:8265."
    ),
]
SWEEP = Annotated[str, typer.Argument(metavar="SWEEP", help="The sweep's name.")]


@clear_errors
def submit(
    sweep: Annotated[str, typer.Argument(help="A sweep file, or the name of a ready sweep.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the sweep, e.g. search.trials=64."),
    ] = None,
    size: Annotated[str | None, typer.Option(help="One of the sizes that the sweep offers.")] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="Folder on the cluster, shared by all of its nodes, for sweeps and checkpoints."),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Data folder on the cluster.")] = None,
    address: Address = None,
) -> None:
    """Start a sweep as a job of the cluster, or go on with it; whoever submits may leave."""
    from cluster.jobs import Jobs
    from cluster.preflight import check_workload
    from search_spaces import load_sweep

    asked = check_workload(load_sweep(sweep, set_ or [], size))
    variables = {name: value for name, value in (("ADAMANT_STORAGE", storage), ("ADAMANT_DATA", data)) if value}
    job = Jobs(_dashboard(address)).submit(asked, variables)
    typer.echo(f"Job {job} runs {asked.name}: {asked.extent}.")
    typer.echo(f"Follow it: adamant cluster logs {asked.name} -f")


@clear_errors
def status(
    sweep: Annotated[str | None, typer.Argument(help="The sweep's name; all jobs when left out.")] = None,
    address: Address = None,
) -> None:
    """Say how jobs stand, arm by arm, and which nodes are there."""
    from cluster import tables
    from cluster.jobs import LIVE, Jobs

    jobs = Jobs(_dashboard(address))
    shown = [jobs.of(sweep)] if sweep is not None else jobs.all()
    if not shown:
        typer.echo("There is no job of a sweep.")
    for job in shown:
        typer.echo(f"{job.id}: {job.status.lower()}" + (f" ({job.message})" if job.status == "FAILED" else ""))
        if sweep is not None or job.status in LIVE:
            for line in jobs.progress(job):
                typer.echo(f"  {line}")
    tables.print_rows(console, jobs.nodes())


@clear_errors
def logs(
    sweep: SWEEP,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    address: Address = None,
) -> int:
    """Show what a sweep's newest job has written; with -f exit code 1 when it did not succeed."""
    from cluster.jobs import Jobs

    jobs = Jobs(_dashboard(address))
    job = jobs.of(sweep)
    if not follow:
        typer.echo(jobs.logs(job), nl=False)
        return 0
    try:
        for piece in jobs.follow(job):
            typer.echo(piece, nl=False)
            sys.stdout.flush()
    except KeyboardInterrupt:
        typer.echo(f"\nThe job goes on; look again with: adamant cluster logs {sweep} -f")
        return 0
    return 0 if jobs.of(job.id).status == "SUCCEEDED" else FAILED


@clear_errors
def stop(sweep: SWEEP, address: Address = None) -> int:
    """Stop a sweep's job; a second submit goes on where it stood."""
    from cluster.jobs import LIVE, Jobs

    jobs = Jobs(_dashboard(address))
    job = jobs.of(sweep)
    if job.status not in LIVE:
        typer.echo(f"{job.id} has ended already: {job.status.lower()}.")
        return 0
    ended = jobs.stop(job)
    typer.echo(f"{job.id}: {ended.lower()}. Go on with: adamant cluster submit {Path(job.sweep).name}")
    return 0 if ended not in LIVE else FAILED


def _dashboard(address: str | None) -> str:
    if address is None:
        raise InputError("name the cluster, with --cluster FILE or with --address http://HOST:8265")
    return address
