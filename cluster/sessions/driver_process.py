"""The process that drives a sweep, told apart from any later one that gets its number."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROCESSES = Path("/proc")
# In /proc/PID/stat, of what follows the name (see proc(5)).
_STATE, _BEGAN = 0, 19
_ENDED = "ZX"


@dataclass(frozen=True)
class DriverProcess:
    """A process.

    Attributes:
        host: The name of its machine, for people.
        machine: Where its number holds: this boot of that machine, and which of its containers.
        pid: Its number there.
        began: When, in ticks since the boot, which no change of the clock moves.
    """

    host: str
    machine: str
    pid: int
    began: int

    @classmethod
    def current(cls) -> DriverProcess:
        """Return this process."""
        return cls(socket.gethostname(), _machine(), os.getpid(), int(_status(os.getpid())[_BEGAN]))

    @property
    def is_here(self) -> bool:
        """Return whether it is of this machine, so that it can be seen."""
        return self.machine == _machine()

    @property
    def is_alive(self) -> bool:
        """Return whether it runs, for one that is here; one that nobody has waited for is dead."""
        try:
            status = _status(self.pid)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return int(status[_BEGAN]) == self.began and status[_STATE] not in _ENDED

    def has_open(self, path: Path) -> bool:
        """Return whether it has a file open. Raises PermissionError for a process of another user."""
        for descriptor in (_PROCESSES / str(self.pid) / "fd").iterdir():
            with suppress(FileNotFoundError):  # one that it has just closed
                if descriptor.samefile(path):
                    return True
        return False

    def terminate(self, holding: Path) -> bool:
        """Send SIGTERM to it if it has the file ``holding`` open; return whether it was sent.

        Raises PermissionError for a process of another user.
        """
        try:
            # A handle goes on meaning the process that was looked at, whoever gets its number.
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.is_alive or not self.has_open(holding):
                return False
            signal.pidfd_send_signal(handle, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            return False
        finally:
            os.close(handle)
        return True


def _status(pid: int) -> list[str]:
    return (_PROCESSES / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _machine() -> str:
    boot = (_PROCESSES / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {os.readlink(_PROCESSES / 'self/ns/pid')}"
