"""Ray on this machine: for this user alone, if need be started more than once, and watched: nothing brings it back."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from cluster.polling import holds_within
from cluster.ray.interruption import is_interrupted
from cluster.ray.token import ensure_token
from optimizers.errors import first_line
from optimizers.private import check_place

# A machine that is busy for a moment may have Ray's own limits pass.
STARTS = 3
LOOK_S = 0.5
# Ray's sockets lie below its folder, in a path of at most 107 characters, of which they take 66.
LONGEST_FOLDER = 41
REMOVING_S = 5.0


@contextmanager
def secluded() -> Iterator[dict[str, Any]]:
    """Keep a Ray of this machine from its other users and from the network; yield settings for `start_ray`.

    Its servers listen on 127.0.0.1 alone. Its folder, which holds the code of jobs, is in one that no other user can
    enter, and goes with it.
    """
    from ray._private import ray_constants

    ensure_token()
    before = ray_constants.ENABLE_RAY_CLUSTER
    place = _place()
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="", dir=place))
    try:
        # Without clusters Ray takes the loopback address for this node's, and its servers listen there alone.
        ray_constants.ENABLE_RAY_CLUSTER = False
        # Ray lets everybody write to the folder that it is given, so it is one below.
        yield {"_temp_dir": str(folder / "r")}
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        # Processes of Ray that are ending may still write there.
        holds_within(REMOVING_S, lambda: _is_removed(folder), pause_s=0.1)


def _is_removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def check_folder() -> None:
    """Raise InputError where another user could replace Ray's folder, see `optimizers.private.check_place`."""
    place = _place()
    if place.exists():
        check_place(place)


def _place() -> Path:
    """Return the folder that Ray would use, or /tmp where its path has no room for Ray's sockets."""
    usual = tempfile.gettempdir()
    fitting = usual if len(usual) + len("/12345678/r") <= LONGEST_FOLDER else "/tmp"
    return Path(os.environ.get("RAY_TMPDIR") or fitting)


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
            if over.is_set() or is_interrupted():  # Ctrl-C reaches the servers too; the main thread ends by itself
                return
            if ended:
                on_end(ended[0])
                return

    threading.Thread(target=watch, name="watch-ray", daemon=True).start()
    try:
        yield
    finally:
        over.set()
