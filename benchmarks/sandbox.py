"""Commands in a home, a temporary folder, Ray files and caches of their own, timed from outside."""

from __future__ import annotations

import os
import resource
import secrets
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ADAMANT = str(Path(sysconfig.get_path("scripts")) / "adamant")
LIMIT_S = 1200
# Settings of the person who runs this would make the sides unequal, or join them to a cluster.
_DROPPED = ("RAY_", "TUNE_", "MLFLOW_", "OPTUNA_", "ADAMANT_")


@dataclass(frozen=True)
class Command:
    """When a command was started (seconds since 1970) and ended, the CPU that it took, and what it printed."""

    started: float
    ended: float
    cpu_seconds: float
    output: str

    @property
    def seconds(self) -> float:
        return self.ended - self.started


class Sandbox:
    """A folder for commands that must neither see nor touch anything of the user's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
        folders = {"HOME": "home", "TMPDIR": "tmp", "RAY_TMPDIR": "r", "ADAMANT_CACHE": "cache"}
        for variable, name in folders.items():
            (root / name).mkdir()
            self._environment[variable] = str(root / name)
        token = root / "home" / "ray-token"
        token.write_text(secrets.token_hex(32), encoding="utf-8")
        self._environment |= {
            "RAY_AUTH_TOKEN_PATH": str(token),
            "PYTHONPATH": str(REPOSITORY),
            "RAY_USAGE_STATS_ENABLED": "0",
            "MLFLOW_DISABLE_TELEMETRY": "1",
        }

    def folder(self) -> Path:
        """A new empty folder."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def run(self, *command: str, **environment: str) -> Command:
        """Run a command to its end. Raises RuntimeError, with the end of what it printed, when it fails or hangs."""
        started, spent = time.time(), _cpu_of_children()
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**self._environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=LIMIT_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        ended = time.time()
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{output[-3000:]}")
        return Command(started, ended, _cpu_of_children() - spent, output)

    def run_module(self, module: str, *arguments: str) -> Command:
        return self.run(sys.executable, "-m", module, *arguments)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that is deleted at the end. Its path is short, because Ray's sockets lie below it."""
    with tempfile.TemporaryDirectory(prefix="ab-", dir="/tmp", ignore_cleanup_errors=True) as root:
        yield Sandbox(Path(root))


def core_count() -> int:
    """Cores of this machine, as Ray counts them."""
    return os.cpu_count() or 1
