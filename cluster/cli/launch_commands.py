"""``adamant cluster render|check|up|down|attach``: clusters by their files.

Heavy imports wait until a command needs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.console.command_line import BAD_INPUT, clear_errors, echo

ClusterFile = Annotated[Path, typer.Argument(metavar="FILE", help="A cluster file, such as cluster/launch/aws.yaml.")]


@clear_errors
def render(
    file: ClusterFile,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the launch files.")] = Path("."),
) -> None:
    """Make the provider's own launch files of a cluster file."""
    from cluster.launch.cluster_file import load_cluster
    from cluster.launch.rendering import write

    for path in write(load_cluster(file), out, kept=file):
        echo(path)


@clear_errors
def up(file: ClusterFile) -> None:
    """Start a cluster, or bring a running one to what its file says now."""
    from cluster.launch import clusters
    from cluster.launch.cluster_file import load_cluster

    clusters.up(load_cluster(file))
    echo(f"It is up. Send it a sweep: adamant cluster submit quickstart --cluster {file}")


@clear_errors
def down(file: ClusterFile) -> None:
    """Take a cluster away; what is on shared storage stays, and what costs money there too."""
    from cluster.launch import clusters
    from cluster.launch.cluster_file import load_cluster

    cluster = load_cluster(file)
    clusters.down(cluster)
    echo(f"It is down. Sweeps, studies and runs stay in {cluster.storage.mount}.")


@clear_errors
def attach(file: ClusterFile) -> int:
    """Open a shell on a cluster's head."""
    from cluster.launch import clusters
    from cluster.launch.cluster_file import load_cluster

    return clusters.attach(load_cluster(file))


@clear_errors
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Cluster files, `ray up` files, manifests, scripts.")
    ],
) -> int:
    """Check launch files, also hand-written ones, with Ray's own validator and with rules for what that misses."""
    from cluster.launch.launch_check import check as check_file

    found = {file: check_file(file) for file in files}
    for file, problems in found.items():
        for problem in problems:
            echo(f"error: {problem}", err=True)
        if not problems:
            echo(f"{file}: good")
    return BAD_INPUT if any(found.values()) else 0
