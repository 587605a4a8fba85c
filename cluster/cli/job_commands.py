"""``adamant cluster submit|status|logs|stop``: sweeps as jobs of a running cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import AtMost, MostStudies, UntilDecided
from cluster.console.command_line import FAILED, clear_errors, echo
from cluster.console.shared_console import console
from optimizers import InputError

if TYPE_CHECKING:
    from cluster.jobs.submission import Jobs

ClusterFile = Annotated[
    Path | None, typer.Option("--cluster", metavar="FILE", help="The cluster's file, such as cluster/launch/aws.yaml.")
]
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
    until: UntilDecided = None,
    at_most: AtMost = None,
    most_studies: MostStudies = None,
    cluster: ClusterFile = None,
    address: Address = None,
) -> int:
    """Start a sweep as a job of the cluster, or go on with it; whoever submits may leave."""
    from cluster.cli.run_session import RoundOptions
    from cluster.jobs.submission import LIVE
    from search_spaces import load_sweep

    asked = load_sweep(sweep, set_ or [], size)
    rounds = RoundOptions(until, at_most, most_studies)
    rounds.planned(asked)
    mount = _mount_of(cluster)
    if storage is None and mount is None and address is not None:
        raise InputError("--storage: name the folder that the cluster's nodes share, or the cluster by --cluster FILE")
    folders = {"ADAMANT_STORAGE": storage or (mount and f"{mount}/adamant-runs"), "ADAMANT_DATA": data}
    with _jobs(cluster, address) as jobs:
        variables = {name: folder for name, folder in folders.items() if folder}
        job = jobs.submit(asked, variables, rounds.arguments)
        echo(f"Job {job.id} runs {asked.name}: {asked.extent}.")
        runs = jobs.where_runs_are(job)
        if runs is None and jobs.of(job.id).status not in LIVE:
            echo(f"error: it has ended already: {jobs.logs(job).strip().splitlines()[-1]}", err=True)
            return FAILED
        echo(runs or "The job tells how to see the runs when it has begun.")
    echo(f"Follow it: adamant cluster logs {asked.name} -f{_where(cluster)}")
    if cluster:
        echo(f"Open the link: adamant ui --cluster {cluster}")
    return 0


@clear_errors
def status(
    sweep: Annotated[str | None, typer.Argument(help="The sweep's name; all jobs when left out.")] = None,
    cluster: ClusterFile = None,
    address: Address = None,
) -> None:
    """Say how jobs stand, arm by arm, and which nodes are there."""
    from cluster.console import console_tables
    from cluster.jobs.submission import LIVE

    with _jobs(cluster, address) as jobs:
        shown = [jobs.of(sweep)] if sweep is not None else jobs.all()
        if not shown:
            echo("There is no job of a sweep.")
        for job in shown:
            echo(f"{job.id}: {job.status.lower()}" + (f" ({job.message})" if job.status == "FAILED" else ""))
            if sweep is not None or job.status in LIVE:
                for line in jobs.progress(job):
                    echo(f"  {line}")
        console_tables.print_rows(console, jobs.nodes())


@clear_errors
def logs(
    sweep: SWEEP,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    cluster: ClusterFile = None,
    address: Address = None,
) -> int:
    """Show what a sweep's newest job has written; with -f exit code 1 when it did not succeed."""
    with _jobs(cluster, address) as jobs:
        job = jobs.of(sweep)
        if not follow:
            echo(jobs.logs(job), nl=False)
            return 0
        try:
            for piece in jobs.follow(job):
                echo(piece, nl=False)
                sys.stdout.flush()
        except KeyboardInterrupt:
            echo(f"\nThe job goes on; look again with: adamant cluster logs {sweep} -f{_where(cluster)}")
            return 0
        return 0 if jobs.of(job.id).status == "SUCCEEDED" else FAILED


@clear_errors
def stop(sweep: SWEEP, cluster: ClusterFile = None, address: Address = None) -> int:
    """Stop a sweep's job; a second submit goes on where it stood."""
    from cluster.jobs.submission import LIVE

    with _jobs(cluster, address) as jobs:
        job = jobs.of(sweep)
        if job.status not in LIVE:
            echo(f"{job.id} has ended already: {job.status.lower()}.")
            return 0
        ended = jobs.stop(job)
        echo(f"{job.id}: {ended.lower()}. To go on with it, submit {job.sweep} again as before.")
        return 0 if ended not in LIVE else FAILED


def _where(cluster: Path | None) -> str:
    return f" --cluster {cluster}" if cluster else ""


def _mount_of(cluster: Path | None) -> str | None:
    """The folder that a cluster's nodes share."""
    from cluster.launch.cluster_file import load_cluster

    return None if cluster is None else load_cluster(cluster).storage.mount


@contextmanager
def _jobs(cluster: Path | None, address: str | None) -> Iterator[Jobs]:
    """The jobs of the cluster that is named by its file or by its dashboard's address."""
    from cluster.jobs.submission import Jobs
    from cluster.launch.cluster_file import load_cluster
    from cluster.launch.clusters import JOBS_PORT, forwarded

    if cluster is not None:
        with forwarded(load_cluster(cluster), [JOBS_PORT]) as [port]:
            yield Jobs(f"http://127.0.0.1:{port}")
    elif address is not None:
        yield Jobs(address)
    else:
        raise InputError("name the cluster, with --cluster FILE or with --address http://HOST:8265")
