"""Ray on this machine: started, if need be more than once, and watched, because nothing brings it back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil

from optimizers.errors import first_line

# A machine that is busy for a moment may have Ray's own limits pass.
STARTS = 3
LOOK_S = 0.5


def start_ray(warn: Callable[[str], None], **settings: Any) -> None:
    """``ray.init`` with these settings on this machine. Raises OSError when Ray does not start, however often."""
    import ray
    from ray.exceptions import AuthenticationError

    before = _processes()
    for start in range(1, STARTS + 1):
        try:
            # "local" and not None, which would follow RAY_ADDRESS or a cluster that was started on this machine.
            ray.init(address="local", **settings)
            return
        except AuthenticationError:
            raise
        except Exception as error:  # noqa: BLE001 - Ray raises plain ones too
            # Ray itself ends what a failed start has left only when this process ends.
            ray.shutdown()
            _kill(_processes() - before)
            reason = first_line(error).rstrip(".")
            if start == STARTS:
                times = f"Ray has not started on this machine, {STARTS} times in a row"
                raise OSError(f"{times} ({reason}); it needs free cores, memory, and space in /tmp") from None
            warn(f"Ray has not started yet ({reason}); trying again")


def _processes() -> set[psutil.Process]:
    return {*psutil.Process().children(recursive=True)}


def _kill(processes: set[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes)


@contextmanager
def watched(on_end: Callable[[str], None]) -> Iterator[None]:
    """Call ``on_end``, in a thread of its own, with the name of the first server of this process's own Ray to end.

    The main thread may by then wait for an answer that does not come, and after a minute Ray ends the process.
    """
    from ray._private import ray_constants, worker

    servers = {ray_constants.PROCESS_TYPE_RAYLET: "raylet", ray_constants.PROCESS_TYPE_GCS_SERVER: "GCS server"}
    over = threading.Event()
    worker._worker_logs_enabled = False  # pages of Ray's own logs, which it prints when one of its processes ends

    def watch() -> None:
        while not over.wait(LOOK_S):
            node: Any = worker._global_node
            ended = [servers[kind] for kind, _ in node.dead_processes() if kind in servers] if node else []
            if ended and not over.is_set():
                on_end(ended[0])
                return

    threading.Thread(target=watch, name="watch-ray", daemon=True).start()
    try:
        yield
    finally:
        over.set()
