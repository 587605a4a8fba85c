"""A small sweep with drivers of its own, which are disturbed and followed by others until it has ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from cluster.console.command_line import BAD_INPUT
from cluster.storage.sweep_folder import DATABASE, JOURNAL, SweepFolder

NAME = "disturbed"
FILE = f"{NAME}.yaml"
# Trials of some seconds, which are saved all the time, and an arm with a kernel of its own.
SWEEP = f"""\
name: {NAME}
question: Does a sweep find the same, whatever is done to it?
workload: {{name: mlp/digits, epochs: 12, batch_size: 32}}
metric: {{name: val/loss}}
baseline: adam
arms:
  adam:   {{optimizer: adam, space: [lr]}}
  orders: {{optimizer: moment_adam, space: [lr], parameters: {{order: {{value: 4}}}}}}
search: {{method: tpe, trials: 5, seed: 7}}
scheduler: {{type: asha, grace: 3, eta: 2}}
confirm: {{seeds: [1, 2]}}
resources: {{checkpoint_seconds: 0.2, trial_timeout: 30}}
"""
SERVERS = ("raylet", "gcs_server")


class DisturbedSweep:
    """The sweep in ``work``, with its data cache in ``cache``; ``options`` and ``variables`` are for every driver.

    Attributes:
        tracking_uri: Where its runs are; "" stands for the database of its storage folder.
        driver: The newest of its drivers.
        copies: Of files that were damaged: what was there before.
    """

    def __init__(
        self,
        work: Path,
        cache: Path,
        tracking_uri: str = "",
        options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        work.mkdir(parents=True)
        (work / FILE).write_text(SWEEP, encoding="utf-8")
        self.work, self.cache, self.tracking_uri = work, cache, tracking_uri
        self._storage = work / "runs"
        self.folder = SweepFolder(self._storage, NAME)
        self.driver: subprocess.Popen[bytes] | None = None
        self.copies: dict[Path, bytes] = {}
        self._options = options
        own = {key: value for key, value in os.environ.items() if not key.startswith("ADAMANT_")}
        self._environment = {**own, "ADAMANT_CACHE": str(cache), **(variables or {})}

    def move_storage(self, moved: Path, link: Path | None = None) -> None:
        """Rename the storage folder; every further driver finds it there, or behind a link to it."""
        before = self.folder.storage
        before.rename(moved)
        self._storage = moved
        if link is not None:
            link.symlink_to(moved)
            self._storage = link
        self.folder = SweepFolder(moved, NAME)
        self.copies = {
            moved / path.relative_to(before) if path.is_relative_to(before) else path: contents
            for path, contents in self.copies.items()
        }

    @property
    def _variables(self) -> dict[str, str]:
        return {**self._environment, "ADAMANT_STORAGE": str(self._storage)}

    @property
    def journal(self) -> Path:
        return self.folder.storage / JOURNAL

    @property
    def database(self) -> Path:
        return self.folder.storage / DATABASE

    @property
    def recorded(self) -> int:
        """How much the studies hold."""
        return self.journal.stat().st_size if self.journal.exists() else 0

    @property
    def code(self) -> int | None:
        """The exit code of the newest driver; None while it runs."""
        return None if self.driver is None else self.driver.poll()

    @property
    def is_running(self) -> bool:
        """Whether it has a driver that has not ended."""
        return self.driver is not None and self.driver.poll() is None

    def start(self, output: int | None = None) -> subprocess.Popen[bytes]:
        """Start a driver, which begins the sweep or goes on with it; ``output`` takes what it prints, or else a log."""
        arguments = [*(["resume", NAME] if self.folder.exists else ["run", FILE]), *self._options]
        if self.tracking_uri and not self.folder.exists:
            arguments += ["--tracking-uri", self.tracking_uri]
        with (self.work / "drivers.log").open("ab") as log:
            self.driver = subprocess.Popen(
                self._adamant(*arguments), cwd=self.work, env=self._variables, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log if output is None else output, stderr=log,
            )  # fmt: skip
        return self.driver

    def check(self, *options: str) -> dict[str, Any]:
        """Return what ``adamant check`` says of the sweep as data; nothing where it cannot be checked."""
        ended = self._command("check", str(self.folder.path), "--json", *options)
        return json.loads(ended.stdout) if ended.returncode != BAD_INPUT else {}

    def restore(self) -> bool:
        """Put copies in place of what was damaged; return whether there were any."""
        restored = bool(self.copies)
        for path, contents in self.copies.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents)
        self.copies.clear()
        return restored

    def second_driver(self) -> subprocess.CompletedProcess[str]:
        """Go on with the sweep beside its driver."""
        return self._command("resume", NAME, *self._options)

    def _command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._adamant(*arguments),
            cwd=self.work,
            env=self._variables,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    @staticmethod
    def _adamant(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "adamant", *arguments]

    def processes(self) -> list[psutil.Process]:
        """The processes that the driver has started, and theirs."""
        if self.driver is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.driver.pid).children(recursive=True)
        return []

    def servers(self, name: str) -> list[psutil.Process]:
        """Those of Ray's servers that are called so, see ``SERVERS``."""
        return [process for process in self.processes() if _name(process) == name]

    def trials(self) -> list[psutil.Process]:
        """The processes that train."""
        return [process for process in self.processes() if _name(process).startswith("ray::Trial")]

    def kill(self) -> None:
        """End the driver and all that it has started, at once."""
        started = [*self.processes(), *self._group()]
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self.driver is not None:
            self.driver.wait()
        psutil.wait_procs(started, timeout=30)

    def _group(self) -> Iterator[psutil.Process]:
        if self.is_running and self.driver is not None:
            yield psutil.Process(self.driver.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send the driver a signal."""
        if self.driver is not None and self.driver.poll() is None:
            self.driver.send_signal(number)


def _name(process: psutil.Process) -> str:
    """What a process calls itself: Ray names those that train after what they run."""
    try:
        command = process.cmdline()
        return process.name() if process.name() in SERVERS else command[0] if command else process.name()
    except psutil.Error:
        return ""
