"""TCP ports: which of them are in use, and one that is not."""

from __future__ import annotations

import socket

THIS_MACHINE = "127.0.0.1"


def listens(port: int, host: str = THIS_MACHINE, timeout_s: float = 2.0) -> bool:
    """Return whether something takes connections there."""
    try:
        with socket.create_connection((host, port), timeout_s):
            return True
    except OSError:
        return False


def free_port() -> int:
    """Return a port of this machine that nothing uses now."""
    with socket.socket() as free:
        free.bind((THIS_MACHINE, 0))
        return free.getsockname()[1]
