"""``adamant ui|replay``: looking at runs that were recorded, and repeating one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.cli.options import Data, Storage, StudyStorage, TrackingUri
from cluster.console.command_line import FAILED, clear_errors, echo
from cluster.console.shared_console import console
from search_spaces.stores.default_names import DEFAULT_STORAGE


@clear_errors
def ui(
    storage: Storage = DEFAULT_STORAGE,
    tracking_uri: TrackingUri = None,
    port: Annotated[int, typer.Option(help="Port of the MLflow UI; Optuna's dashboard is on the next one.")] = 5000,
    studies: Annotated[
        bool, typer.Option("--studies", help="Serve Optuna's dashboard over the studies too (extra: services).")
    ] = False,
    study_storage: StudyStorage = None,
    cluster: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Open tunnels to what the head of this cluster serves.")
    ] = None,
) -> int:
    """Serve the MLflow UI of the runs on this machine, or open tunnels to MLflow, Ray and Optuna on a cluster."""
    from cluster.cli.ui import mlflow_server, open_tunnels, serve, studies_server
    from cluster.storage.sweep_folder import study_storage_of, tracking_uri_of
    from search_spaces.stores.addresses import is_server
    from search_spaces.tracking.links import ui_address

    if cluster is not None:
        open_tunnels(cluster, console)
        return 0
    runs = tracking_uri or tracking_uri_of(storage)
    servers = []
    if is_server(runs):
        console.print(f"The MLflow UI is at {ui_address(runs)}", highlight=False, markup=False, soft_wrap=True)
    else:
        servers.append(mlflow_server(runs, port))
    if studies or study_storage:
        servers.append(studies_server(study_storage or study_storage_of(storage), port + 1))
    return serve(servers, console) if servers else 0


@clear_errors
def replay(
    run_id: Annotated[
        str, typer.Argument(help="Id of a run in MLflow, or SWEEP/RUN, as in quickstart/adam/confirm/0.")
    ],
    storage: Storage = DEFAULT_STORAGE,
    tracking_uri: TrackingUri = None,
    data: Data = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Execute code of others, and read files that MLflow alone names.")
    ] = False,
) -> int:
    """Repeat a finished run on the CPU and compare every metric to the last digit."""
    from cluster.run.replay import replay_run
    from cluster.storage.sweep_folder import data_root_of, tracking_uri_of

    runs, root = tracking_uri or tracking_uri_of(storage), data_root_of(storage, data)
    repeated = replay_run(run_id, runs, root, storage, trusted=trust)
    for line in (*repeated.remarks, *repeated.differences):
        echo(line)
    if repeated.differences:
        echo(f"{repeated.trial_id}: NOT equal: {len(repeated.differences)} differences")
        return FAILED
    echo(f"{repeated.trial_id}: equal. {repeated.compared} metric values agree to the last digit.")
    return 0
