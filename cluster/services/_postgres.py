"""A PostgreSQL cluster of one's own in a folder: no other than this machine reaches it."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from optimizers import InputError

HOST, SUPERUSER = "127.0.0.1", "adamant"
# Debian keeps a version's programs in a folder of its own, which is in nobody's PATH.
DEBIAN_FOLDERS = "/usr/lib/postgresql/*/bin"
STAND_IN_OF_ROOT = "postgres"


@dataclass(frozen=True)
class Postgres:
    """The data in ``folder``, served on ``port`` of this machine; ``password`` is that of the superuser, ``adamant``.

    Each database belongs to a user of its own name, who may do nothing outside of it; the superuser makes them, and
    does nothing else. PostgreSQL refuses to run as root, so root runs it as the user ``postgres``.
    """

    folder: Path
    port: int
    password: str

    def url(self, database: str) -> str:
        """SQLAlchemy's address of a database, for its own user."""
        return f"postgresql+psycopg2://{database}:{self._password_of(database)}@{HOST}:{self.port}/{database}"

    def _password_of(self, user: str) -> str:
        """Return that of the superuser, or one that follows from it and does not tell it."""
        if user == SUPERUSER:
            return self.password
        return hmac.new(self.password.encode(), user.encode(), hashlib.sha256).hexdigest()

    def command(self) -> list[str]:
        """What serves it in the foreground; ends at once, with all data written, on SIGINT."""
        settings = {"port": self.port, "listen_addresses": HOST, "unix_socket_directories": "", "max_connections": 200}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*self._as_owner(), program("postgres"), "-D", str(self.folder), *options]

    def create(self) -> None:
        """Make the data folder, unless it is there."""
        if (self.folder / "PG_VERSION").is_file():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as secret:  # only its owner can read it
            secret.write(self.password)
            secret.flush()
            if os.geteuid() == 0:
                for path in (self.folder, secret.name):
                    shutil.chown(path, STAND_IN_OF_ROOT)
            how = ["--username", SUPERUSER, "--auth", "scram-sha-256", "--pwfile", secret.name, "--encoding", "UTF8"]
            self._run([*self._as_owner(), program("initdb"), "--pgdata", str(self.folder), *how, "--locale", "C"])

    def answers(self) -> bool:
        """Whether it takes connections."""
        ready = [program("pg_isready"), "--host", HOST, "--port", str(self.port), "--quiet"]
        return subprocess.run(ready, check=False).returncode == 0

    def create_database(self, name: str) -> None:
        """Make a database and its user, unless they are there."""
        if not self._asked(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'"):
            # Through a pipe, as a command line shows a password to everybody on the machine.
            self._psql(f"CREATE ROLE {name} LOGIN PASSWORD '{self._password_of(name)}'")
        if not self._asked(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            self._psql(f"CREATE DATABASE {name} OWNER {name}")
        self._psql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")

    def dump(self, database: str, file: Path) -> None:
        """Write a database, as it stands at one moment, to a file."""
        self._run(
            [program("pg_dump"), *self._client(database, database), "--format", "custom", "--file", str(file)], database
        )

    def check_dump(self, file: Path) -> None:
        """Raise InputError unless a file is a whole dump."""
        self._run([program("pg_restore"), "--list", str(file)])

    def restore(self, database: str, file: Path) -> None:
        """Put what was dumped in place of what a database holds, all of it or nothing.

        As the database's own user, because a dump holds commands.
        """
        how = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction"]
        self._run([program("pg_restore"), *self._client(database, database), *how, str(file)], database)

    def _client(self, database: str, user: str) -> list[str]:
        return ["--host", HOST, "--port", str(self.port), "--dbname", database, "--username", user]

    def _asked(self, question: str) -> bool:
        """Return whether a question has an answer."""
        return bool(self._psql(question).strip())

    def _psql(self, command: str) -> str:
        options = ["--no-psqlrc", "--tuples-only", "--set", "ON_ERROR_STOP=1", "--quiet"]
        return self._run([program("psql"), *self._client("postgres", SUPERUSER), *options], told=f"{command};")

    def _run(self, command: list[str], user: str = SUPERUSER, told: str = "") -> str:
        environment = {**os.environ, "PGPASSWORD": self._password_of(user)}
        ended = subprocess.run(
            command, env=environment, input=told, capture_output=True, text=True, encoding="utf-8", errors="replace",
            check=False,
        )  # fmt: skip
        if ended.returncode:
            what = next(Path(part).name for part in command if Path(part).name.startswith(("pg_", "psql", "initdb")))
            reason = (ended.stderr.strip() or ended.stdout.strip() or "no reason given").splitlines()[-1]
            raise InputError(f"{self.folder}: {what} failed: {reason}")
        return ended.stdout

    def _as_owner(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        identity = [f"--reuid={STAND_IN_OF_ROOT}", f"--regid={STAND_IN_OF_ROOT}", "--clear-groups"]
        # Whoever becomes another user is else no longer told of its parent's end.
        return ["setpriv", *identity, "--pdeathsig", "INT", "--"]


def program(name: str) -> str:
    """Where a program of PostgreSQL's is, of the newest version; raises InputError when there is none."""
    on_path = shutil.which(name)
    if on_path is not None:
        return on_path
    found = sorted(Path("/").glob(f"{DEBIAN_FOLDERS.lstrip('/')}/{name}"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise InputError(f"PostgreSQL's program {name} is not installed; on Debian: apt-get install postgresql")
    return str(found[-1])
