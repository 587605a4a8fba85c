"""The Ray session under a sweep: one of its own on this machine, or a running cluster."""

from __future__ import annotations

import gc
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from cluster.ray.capacity import trials_on
from cluster.ray.interruption import own_handlers
from cluster.ray.local_ray import secluded, start_ray
from cluster.source_tree import SOURCE_ROOT
from search_spaces.schema.resources import Resources

# Tune reads these when it is imported or when a run starts.
TUNE_SETTINGS = {
    # The study, the trial folders and MLflow hold everything that Tune's loggers and snapshots would.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "5",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Under `uv run` Ray would ship this folder and install torch anew on every worker.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# Tune moves no arrays here, so Ray's default of 30 % of the memory is not needed.
OBJECT_STORE_BYTES = 256 * 2**20
SLOT_REFRESH_S = 5.0
ANSWER_S = 1.0
# How long Ray may take to stop in a session that ends early; its processes end with this one in any case.
INTERRUPTED_SHUTDOWN_S, FAILED_SHUTDOWN_S = 1.0, 10.0
# Ray sets it where a job runs, whose files are on every node already.
IN_A_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
ROOMS = ("search_spaces", "trainables", "optimizers", "cluster", "analysis")


@contextmanager
def ray_session(address: str | None, warn: Callable[[str], None]) -> Iterator[None]:
    """Connect to ``address``, or start Ray on this machine's cores and stop it at the end.

    On a cluster the five rooms travel with the job, so that its nodes need only the installed packages. Raises OSError
    when Ray does not start; before that ``warn`` is told of each start that fails.
    """
    for key, value in TUNE_SETTINGS.items():
        os.environ.setdefault(key, value)
    with secluded() if address is None else nullcontext({}) as settings, _connected(address, warn, settings):
        yield


@contextmanager
def _connected(address: str | None, warn: Callable[[str], None], settings: Mapping[str, Any]) -> Iterator[None]:
    with own_handlers():
        _connect(address, warn, settings)
    for name in ("ray.tune", "ray.train", "ray"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    except BaseException as error:
        # Ray may take its time, above all when Ctrl-C has reached its own processes too.
        stopping = threading.Thread(target=_shut_down, daemon=True)
        stopping.start()
        stopping.join(INTERRUPTED_SHUTDOWN_S if isinstance(error, KeyboardInterrupt) else FAILED_SHUTDOWN_S)
        raise
    _shut_down()


def _shut_down() -> None:
    import ray

    # Errors of trials and their frames lie in cycles with references into Ray. Were they collected in another thread
    # after Ray's end, such as that of MLflow, Ray would end this process with them.
    gc.collect()
    ray.shutdown()


def _connect(address: str | None, warn: Callable[[str], None], settings: Mapping[str, Any]) -> None:
    """Raises OSError when Ray does not start, or where it has no token, or one that the cluster does not take."""
    import ray
    from ray.exceptions import AuthenticationError

    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address is None:
            start_ray(warn, include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, **settings, **quiet)
        elif IN_A_JOB in os.environ:
            ray.init(address=address, **quiet)
        else:
            root = SOURCE_ROOT
            ray.init(address=address, runtime_env={"py_modules": [str(root / room) for room in ROOMS]}, **quiet)
    except AuthenticationError as error:
        raise ConnectionError(f"Ray's token is missing or wrong: {str(error).split('. ')[0]}") from None


def slot_counter(resources: Resources) -> Callable[[], int]:
    """A function that says how many trials of these resources the cluster runs at once, at least one.

    It looks again every few seconds, because nodes come and go.
    """
    import ray

    looked, slots = -math.inf, 1

    def count() -> int:
        nonlocal looked, slots
        if time.monotonic() - looked > SLOT_REFRESH_S:
            slots = max(1, trials_on(ray.nodes(), resources))
            looked = time.monotonic()
        return slots

    return count


def lost_nodes() -> int:
    """How many nodes of the cluster have gone since it was started."""
    import ray

    return sum(not node["Alive"] for node in ray.nodes())


def nodes_answer() -> bool:
    """Whether every node that the cluster takes to be alive listens; one that has just died counts for a while."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    return all(_listens(node["NodeManagerAddress"], node["NodeManagerPort"]) for node in alive)


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=ANSWER_S):
            return True
    except OSError:
        return False
