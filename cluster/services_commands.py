"""``python -m cluster.services_commands``: the services of a cluster's head, started, stopped, saved and restored.

``run`` supervises them in the foreground, as a unit of systemd or a container wants it; ``up`` leaves that behind and
waits until they answer.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from cluster.console.command_line import clear_errors, echo
from cluster.services.head_services import (
    ADMIN,
    CLIENT_FILE,
    DATABASES,
    DEFAULT_FOLDER,
    Services,
    wait_for,
)
from cluster.source_tree import SOURCE_ROOT
from optimizers import InputError
from optimizers.files import atomic_write
from optimizers.private import write_private

Service = Literal["postgres", "mlflow", "optuna"]
app = typer.Typer(help="The MLflow server and the PostgreSQL database of a cluster's head.", no_args_is_help=True)
Folder = Annotated[Path, typer.Option(help="Folder of the services' data and secrets.")]
Artifacts = Annotated[
    str | None,
    typer.Option(help="Where MLflow keeps artifacts: a folder, s3:// or gs://; in the services' folder if none."),
]
Port = Annotated[int, typer.Option(help="Port of the MLflow server on this machine.")]
DatabasePort = Annotated[int, typer.Option(help="Port of PostgreSQL on this machine.")]
StudiesPort = Annotated[int, typer.Option(help="Port of Optuna's dashboard on this machine.")]


@app.command()
@clear_errors
def up(
    folder: Folder = DEFAULT_FOLDER,
    artifacts: Artifacts = None,
    port: Port = 5000,
    database_port: DatabasePort = 5432,
    studies_port: StudiesPort = 8080,
) -> None:
    """Start the services in the background, unless they run, and wait until they answer."""
    services = Services.create(folder, artifacts, port, database_port, studies_port)
    started = _start(services) if services.supervisor() is None else None

    def gone() -> bool:
        return started is not None and started.poll() is not None

    wait_for(services.answer, "a service", services.folder, gone)
    echo(f"MLflow: {services.tracking_uri}   (user {ADMIN}; the password is in {CLIENT_FILE})")


def _start(services: Services) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cluster.services_commands", "run", "--folder", str(services.folder)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    with (services.folder / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
        )


@app.command()
@clear_errors
def run(
    folder: Folder = DEFAULT_FOLDER,
    artifacts: Artifacts = None,
    port: Port = 5000,
    database_port: DatabasePort = 5432,
    studies_port: StudiesPort = 8080,
) -> None:
    """Supervise the services in the foreground, until SIGTERM."""
    Services.create(folder, artifacts, port, database_port, studies_port).run()


@app.command(hidden=True)
@clear_errors
def serve(service: Service, folder: Folder = DEFAULT_FOLDER) -> None:
    """Be one of the services, for the supervisor."""
    Services.open(folder).become(service)


@app.command()
@clear_errors
def down(folder: Folder = DEFAULT_FOLDER) -> None:
    """Stop the services; their data stays."""
    services = Services.open(folder)
    process = services.supervisor()
    if process is None:
        echo("They are not running.")
        return
    os.kill(process, signal.SIGTERM)
    wait_for(lambda: services.supervisor() is None, "the end of the services", services.folder)
    echo(f"Stopped; their data stays in {services.folder}.")


@app.command()
@clear_errors
def status(folder: Folder = DEFAULT_FOLDER) -> int:
    """Say which of the services answers; exit code 1 unless all do."""
    answers = Services.open(folder).answers()
    for name, there in answers.items():
        echo(f"{name}: {'answers' if there else 'does not answer'}")
    return 0 if all(answers.values()) else 1


@app.command()
@clear_errors
def backup(to: Annotated[Path, typer.Argument(help="A new folder.")], folder: Folder = DEFAULT_FOLDER) -> None:
    """Write all databases and the secrets to a folder, while the services run. Artifacts are not in it."""
    services = Services.open(folder)
    if to.exists():
        raise InputError(f"{to} is there already; name a new folder")
    with atomic_write(to) as unfinished:
        unfinished.mkdir(parents=True, mode=0o700)
        for name in DATABASES:
            services.postgres.dump(name, unfinished / f"{name}.dump")
        write_private(unfinished / "services.json", (services.folder / "services.json").read_text(encoding="utf-8"))
    echo(f"Written to {to}; keep {services.settings.artifacts} safe as well.")


@app.command()
@clear_errors
def restore(
    backup: Annotated[Path, typer.Argument(help="A folder that `backup` has written.")], folder: Folder = DEFAULT_FOLDER
) -> None:
    """Put a backup, with its users, in place of what the running services hold; end all drivers before."""
    services = Services.open(folder)
    missing = [name for name in DATABASES if not (backup / f"{name}.dump").is_file()]
    if missing:
        raise InputError(f"{backup}: no backup; it lacks {', '.join(f'{name}.dump' for name in missing)}")
    saved = Services.open(backup)
    for name in DATABASES:
        services.postgres.check_dump(backup / f"{name}.dump")
    for name in DATABASES:
        services.postgres.restore(name, backup / f"{name}.dump")
    services.with_users_of(saved.settings)
    echo(f"Restored from {backup}.")


if __name__ == "__main__":
    app()
