"""The services of a cluster's head: an MLflow server with authentication and Optuna's studies, both on PostgreSQL.

What they need and keep is in one folder, except for MLflow's artifacts.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn
from urllib.error import HTTPError

from filelock import FileLock, Timeout

from cluster.polling import holds_within
from cluster.services import studies_dashboard
from cluster.services._postgres import HOST, Postgres
from cluster.services.supervision import supervise
from optimizers import InputError
from optimizers.private import make_private, write_private

# Without the proxy that the environment may name, which does not lead to servers of this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
DEFAULT_FOLDER = Path("~/.adamant/services")
# Where a driver on this machine finds out how to reach them, wherever their data is.
CLIENT_FILE = Path("~/.adamant/client.env")
# By service, the databases that are its own.
DATABASES_OF = {"mlflow": ("mlflow", "mlflow_auth"), "optuna": ("optuna",)}
# In the order in which they are restored: the users of MLflow come back last, with their passwords.
DATABASES = ("mlflow", "optuna", "mlflow_auth")
ADMIN = studies_dashboard.USER
# Through a tunnel a browser names this machine; whoever else is named is refused.
ALLOWED_HOSTS = "localhost,localhost:*,127.0.0.1,127.0.0.1:*"
STARTING_S = 120.0


@dataclass(frozen=True)
class Settings:
    """What the services were first started with; kept in ``services.json``, which only its owner can read."""

    artifacts: str
    port: int
    database_port: int
    studies_port: int
    database_password: str
    admin_password: str
    session_secret: str

    def __post_init__(self) -> None:
        """Raise ValueError for what would become another setting, or another variable, where it is written out."""
        for name, value in vars(self).items():
            if name.endswith("port"):
                if not isinstance(value, int) or not 0 < value < 2**16:
                    raise ValueError(f"{name} is not a port")
            elif not isinstance(value, str) or not value or not value.isprintable():
                raise ValueError(f"{name} is not a text of one line")


class Services:
    """The services whose data is in ``folder``."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.postgres = Postgres(folder / "postgres", settings.database_port, settings.database_password)

    @classmethod
    def open(cls, folder: Path) -> Services:
        """Those that were started there before. Raises InputError when there are none."""
        folder = folder.expanduser().resolve()
        try:
            return cls(folder, Settings(**json.loads((folder / "services.json").read_text(encoding="utf-8"))))
        except FileNotFoundError:
            raise InputError(f"{folder}: no services were started with this folder; start them with `up`") from None
        except (ValueError, TypeError) as error:
            raise InputError(f"{folder}/services.json is damaged ({error}); restore it from a copy") from None

    @classmethod
    def create(cls, folder: Path, artifacts: str | None, port: int, database_port: int, studies_port: int) -> Services:
        """Those of the folder; with new secrets where it is new."""
        folder = folder.expanduser().resolve()
        if not (folder / "services.json").exists():
            make_private(folder, mode=0o711)  # PostgreSQL's own user passes through it
            made = [secrets.token_urlsafe(24) for _ in range(3)]
            settings = Settings(artifacts or str(folder / "artifacts"), port, database_port, studies_port, *made)
            write_private(folder / "services.json", json.dumps(settings.__dict__, indent=1))
        services = cls.open(folder)
        services.tell_clients()
        return services

    def tell_clients(self) -> None:
        """Leave what a driver on this machine needs where it looks for that."""
        make_private(CLIENT_FILE.expanduser().parent)
        lines = (f"{name}={value}\n" for name, value in self.client_environment().items())
        write_private(CLIENT_FILE.expanduser(), "".join(lines))

    def with_users_of(self, saved: Settings) -> Services:
        """These services with the users' passwords of others, whose database of users has taken this one's place."""
        settings = replace(self.settings, admin_password=saved.admin_password, session_secret=saved.session_secret)
        write_private(self.folder / "services.json", json.dumps(settings.__dict__, indent=1))
        changed = Services(self.folder, settings)
        changed.tell_clients()
        return changed

    @property
    def tracking_uri(self) -> str:
        return f"http://{HOST}:{self.settings.port}"

    def client_environment(self) -> dict[str, str]:
        """What a driver on this machine needs in its environment (``CLIENT_FILE``)."""
        return {
            "ADAMANT_TRACKING_URI": self.tracking_uri,
            "ADAMANT_STUDY_STORAGE": self.postgres.url("optuna"),
            "MLFLOW_TRACKING_USERNAME": ADMIN,
            "MLFLOW_TRACKING_PASSWORD": self.settings.admin_password,
        }

    def answers(self) -> dict[str, bool]:
        """Which of them answer."""
        studies = f"http://{HOST}:{self.settings.studies_port}/dashboard/"
        return {
            "PostgreSQL": self.postgres.answers(),
            "MLflow": _is_served(f"{self.tracking_uri}/health"),
            "Optuna's dashboard": _is_served(studies),
        }

    def answer(self) -> bool:
        """Whether all do."""
        return all(self.answers().values())

    def supervisor(self) -> int | None:
        """The process that supervises them, if it lives. Raises InputError when that is on another machine."""
        if not self._is_locked():
            return None
        host, _, process = (self.folder / "supervisor").read_text(encoding="utf-8").partition(" ")
        if host != socket.gethostname():
            raise InputError(f"{self.folder}: its services run on {host}; that is where they are stopped")
        return int(process)

    def _is_locked(self) -> bool:
        """The system takes the lock from a supervisor that is killed; a process number alone could be anybody's."""
        lock = FileLock(self.folder / "supervisor.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def run(self) -> None:
        """Supervise them until SIGTERM or SIGINT: what ends is started again, and they end with their supervisor."""
        lock = FileLock(self.folder / "supervisor.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(f"{self.folder}: its services are running already; stop them with `down`") from None
        with lock:
            (self.folder / "supervisor").write_text(f"{socket.gethostname()} {os.getpid()}", encoding="utf-8")
            self.postgres.create()
            supervise(self.folder)

    def become(self, service: str) -> NoReturn:
        """Turn this process into one of the services, once its databases are there. Raises InputError without them."""
        for database in DATABASES_OF.get(service, ()):
            wait_for(self.postgres.answers, "PostgreSQL", self.folder)
            self.postgres.create_database(database)
        if service == "postgres":
            command, environment = self.postgres.command(), {}
        elif service == "mlflow":
            command, environment = self._mlflow_command(), self._mlflow_environment()
        else:
            command, environment = studies_dashboard.command, self._studies_environment()
        os.execvpe(command[0], command, {**os.environ, **environment})

    def _studies_environment(self) -> dict[str, str]:
        users = self.settings
        return studies_dashboard.settings(self.postgres.url("optuna"), users.studies_port, users.admin_password)

    def _mlflow_command(self) -> list[str]:
        where = ["--host", HOST, "--port", str(self.settings.port), "--allowed-hosts", ALLOWED_HOSTS, "--workers", "2"]
        artifacts = ["--artifacts-destination", self.settings.artifacts, "--serve-artifacts"]
        return [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", *where, *artifacts]

    def _mlflow_environment(self) -> dict[str, str]:
        """With all secrets, which a command line would show to everybody on the machine."""
        users = {
            "database_uri": self.postgres.url("mlflow_auth"),
            "default_permission": "READ",
            "admin_username": ADMIN,
            "admin_password": self.settings.admin_password,
            "auth_cache_ttl_seconds": "60",
            "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        }
        file = self.folder / "mlflow-auth.ini"
        write_private(file, "[mlflow]\n" + "".join(f"{k} = {v.replace('%', '%%')}\n" for k, v in users.items()))
        return {
            "MLFLOW_BACKEND_STORE_URI": self.postgres.url("mlflow"),
            "MLFLOW_AUTH_CONFIG_PATH": str(file),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": self.settings.session_secret,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "1",
        }


def _is_served(address: str) -> bool:
    """Whether a server answers, if only to ask for a password."""
    try:
        with _DIRECT.open(address, timeout=5) as answer:
            return answer.status == HTTPStatus.OK
    except HTTPError as error:
        return error.code == HTTPStatus.UNAUTHORIZED
    except OSError:
        return False


def wait_for(ready: Callable[[], bool], what: str, folder: Path, gone: Callable[[], bool] = lambda: False) -> None:
    """Wait until something is ready; raises InputError when it is gone, or takes too long."""
    if not holds_within(STARTING_S, lambda: gone() or ready()) or gone():
        raise InputError(f"{what} did not start; its log is in {folder}")
