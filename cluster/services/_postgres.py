"""A PostgreSQL cluster of one's own in a folder: no other than this machine reaches it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from optimizers import InputError

HOST, OWNER = "127.0.0.1", "adamant"
# Debian keeps a version's programs in a folder of its own, which is in nobody's PATH.
DEBIAN_FOLDERS = "/usr/lib/postgresql/*/bin"
STAND_IN_OF_ROOT = "postgres"


@dataclass(frozen=True)
class Postgres:
    """The data in ``folder``, served on ``port`` of this machine; ``password`` is that of the owner, ``adamant``.

    PostgreSQL refuses to run as root, so root runs it as the user ``postgres``.
    """

    folder: Path
    port: int
    password: str

    def url(self, database: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg2://{OWNER}:{quote(self.password)}@{HOST}:{self.port}/{database}"

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
            how = ["--username", OWNER, "--auth", "scram-sha-256", "--pwfile", secret.name, "--encoding", "UTF8"]
            self._run([*self._as_owner(), program("initdb"), "--pgdata", str(self.folder), *how, "--locale", "C"])

    def answers(self) -> bool:
        """Whether it takes connections."""
        ready = [program("pg_isready"), "--host", HOST, "--port", str(self.port), "--quiet"]
        return subprocess.run(ready, check=False).returncode == 0

    def create_database(self, name: str) -> None:
        """Make a database, unless it is there."""
        found = self._psql("--tuples-only", "--command", f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
        if "1" not in found:
            self._psql("--command", f"CREATE DATABASE {name}")

    def dump(self, database: str, file: Path) -> None:
        """Write a database, as it stands at one moment, to a file."""
        self._run([program("pg_dump"), *self._client, "--format", "custom", "--file", str(file), database])

    def check_dump(self, file: Path) -> None:
        """Raise InputError unless a file is a whole dump."""
        self._run([program("pg_restore"), "--list", str(file)])

    def restore(self, database: str, file: Path) -> None:
        """Put what was dumped in place of what a database holds."""
        how = ["--clean", "--if-exists", "--no-owner", "--single-transaction"]
        self._run([program("pg_restore"), *self._client, *how, "--dbname", database, str(file)])

    @property
    def _client(self) -> list[str]:
        return ["--host", HOST, "--port", str(self.port), "--username", OWNER]

    def _psql(self, *arguments: str) -> str:
        return self._run([program("psql"), *self._client, "--dbname", "postgres", "--no-psqlrc", *arguments])

    def _run(self, command: list[str]) -> str:
        environment = {**os.environ, "PGPASSWORD": self.password}
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
        )
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
