"""What a browser shows: the MLflow UI over a local database, or what a cluster's head serves, through tunnels."""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from optimizers import InputError
from search_spaces.links import UI_HOST


def serve(tracking_uri: str, port: int, console: Console) -> None:
    """Serve the MLflow UI on this machine until Ctrl-C; of a remote tracking server, say where its UI is."""
    if tracking_uri.startswith(("http://", "https://")):
        console.print(f"The MLflow UI is at {tracking_uri}", highlight=False, soft_wrap=True)
        return
    database = Path(tracking_uri.removeprefix("sqlite:///"))
    if tracking_uri.startswith("sqlite:///") and not database.is_file():
        raise InputError(
            f"{database}: no runs here yet; start with `adamant run quickstart`, or name a database with --tracking-uri"
        )
    with socket.socket() as probe:
        if probe.connect_ex((UI_HOST, port)) == 0:
            raise InputError(f"--port {port}: something listens there already; choose another")
    console.print(f"MLflow: http://{UI_HOST}:{port}   (Ctrl-C ends it)", highlight=False)
    command = [sys.executable, "-m", "mlflow", "server", "--host", UI_HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", tracking_uri]
    # The job runner of newer MLflow servers doubles their start-up time and triples their memory; nothing uses it here.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "1"}
    # Becoming the server, and not its parent, leaves none behind however this process is ended.
    os.execve(sys.executable, command, environment)


def open_tunnels(file: Path, console: Console) -> None:
    """Open tunnels to a cluster's MLflow, Ray's dashboard and, but for Kubernetes, Optuna's, until Ctrl-C."""
    from cluster import clusters
    from cluster.description import load_cluster

    cluster = load_cluster(file)
    ports = clusters.ui_ports(cluster)
    with clusters.forwarded(cluster, list(ports), list(ports)):
        served = [f"{what}: http://{UI_HOST}:{port}" for port, what in ports.items()]
        for line in (*served, *clusters.ui_passwords(cluster, file), "Ctrl-C closes the tunnels."):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
