"""What a browser shows: the MLflow UI and Optuna's dashboard over local runs, or a cluster's, through tunnels."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from cluster.console.command_line import FAILED
from cluster.distribution import install_command
from cluster.ports import listens
from cluster.run.on_screen import print_lines
from cluster.run.served import answers, links_of_newest
from cluster.services import guarded_mlflow, studies_dashboard
from cluster.services.supervision import ending_with_parent
from cluster.storage.locations import location_path
from optimizers import InputError
from search_spaces.stores.mlflow_schema import check_database
from search_spaces.tracking.artifact_addresses import readable_database
from search_spaces.tracking.links import UI_HOST, announced, local_address

STOPPING_S = 10.0
POLL_S = 0.2
LAST_PORT = 2**16 - 1


@dataclass(frozen=True)
class Server:
    """A server of this machine: what it serves, its port, its command, and what it needs in its environment.

    ``runs`` is the tracking URI of the runs that it shows, if it does; ``password`` what a browser is to tell it.
    """

    name: str
    port: int
    command: list[str]
    environment: dict[str, str]
    runs: str | None = None
    password: str | None = None

    @property
    def address(self) -> str:
        return local_address(self.port)

    @property
    def told(self) -> str:
        """Where to open it, and by which password."""
        login = f"   (user {studies_dashboard.USER}, password {self.password})" if self.password else ""
        return f"{self.name}: {self.address}{login}"


def mlflow_server(tracking_uri: str, port: int) -> Server:
    """Return the server of the MLflow UI over a database.

    Raises InputError for a file that is not there or that MLflow cannot use.
    """
    check_database(tracking_uri)
    served = readable_database(tracking_uri)
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", guarded_mlflow.NAME]
    command += ["--host", UI_HOST, "--port", str(port), "--workers", "1"]
    # A line for each request would carry the links away.
    command += ["--uvicorn-opts", "--log-level warning --no-access-log"]
    # The job runner of newer MLflow servers doubles their start-up time and triples their memory; nothing uses it here.
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "1"}
    # Not on the command line, which shows a database's password to everybody on the machine.
    return Server("MLflow", port, command, {**settings, "MLFLOW_BACKEND_STORE_URI": served}, tracking_uri)


def studies_server(studies: str, port: int) -> Server:
    """Optuna's dashboard over a study journal or a database, behind a password that is drawn for it.

    Raises InputError when it is not installed, or when there is no such journal.
    """
    if find_spec("optuna_dashboard") is None:
        raise InputError(f"--studies: Optuna's dashboard is not installed; {install_command('services')}")
    path = location_path(studies)
    if path is not None and not path.is_file():
        raise InputError(f"{path}: no studies here yet; start with `adamant run quickstart`")
    password = secrets.token_urlsafe(12)
    environment = studies_dashboard.settings(studies, port, password)
    return Server("Optuna", port, studies_dashboard.command, environment, password=password)


def serve(servers: Sequence[Server], console: Console) -> int:
    """Serve until Ctrl-C or SIGTERM, or until one of the servers ends; all of them end with this process.

    Raises InputError when a port is taken, or none that there is.
    """
    for server in servers:
        if not 1 <= server.port <= LAST_PORT:
            raise InputError(f"--port: {server.name} would be served on port {server.port}; ports are 1 to {LAST_PORT}")
        if listens(server.port, UI_HOST):
            raise InputError(f"port {server.port}: something listens there already; choose another with --port")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    running: list[subprocess.Popen[bytes]] = []
    held = ExitStack()
    try:
        for server in servers:
            running.append(_start(server))
            print_lines(console, [server.told])
        print_lines(console, ["Ctrl-C ends it."])
        unready = [server for server in servers if server.runs is not None]
        while all(process.poll() is None for process in running):
            if unready and answers(unready[0].address):
                held.enter_context(_ready(unready.pop(0), console))
            if stopped.wait(POLL_S):
                return 0
        return FAILED
    finally:
        for process in running:
            process.terminate()
        for process in running:
            _end(process)
        held.close()


@contextmanager
def _ready(server: Server, console: Console) -> Iterator[None]:
    """Print the links to what a server of runs shows, and let sweeps that begin or end print theirs."""
    with announced(server.runs or "", server.port):
        with suppress(OSError):  # it has just ended, which is told elsewhere
            print_lines(console, links_of_newest(server.address))
        yield


def _start(server: Server) -> subprocess.Popen[bytes]:
    """In a session of its own, as Ctrl-C reaches this process, which then ends it."""
    command = [*ending_with_parent(signal.SIGTERM), *server.command]
    return subprocess.Popen(command, env={**os.environ, **server.environment}, start_new_session=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOPPING_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def open_tunnels(file: Path, console: Console) -> None:
    """Open tunnels to a cluster's MLflow, Ray's dashboard and, but for Kubernetes, Optuna's, until Ctrl-C."""
    from cluster.launch import clusters
    from cluster.launch.cluster_file import load_cluster

    cluster = load_cluster(file)
    ports = clusters.ui_ports(cluster)
    with clusters.forwarded(cluster, list(ports), list(ports)):
        served = [f"{what}: {local_address(port)}" for port, what in ports.items()]
        print_lines(console, [*served, *clusters.ui_passwords(cluster, file), "Ctrl-C closes the tunnels."])
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
