"""Why trials wait: what Ray does not say, and what somebody in front of a still display wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cluster.capacity import Node, trials_on
from search_spaces.schema import Resources

# Starting a process, and trying another place after one was lost, takes some seconds.
PATIENCE_S = 20.0


class Waiting:
    """Watches whether trials run, and says why when none has for a while; what was said is not said again."""

    def __init__(self, resources: Resources, say: Callable[[str], None]) -> None:
        self._resources, self._say = resources, say
        self._since: float | None = None
        self._said = ""

    def look(self, waiting: int, running: int) -> None:
        """Called often, with how many trials wait for their place and how many run."""
        if running or not waiting:
            self._since, self._said = None, ""
            return
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since < PATIENCE_S:
            return
        import ray

        reason = reason_to_wait(ray.nodes(), ray.available_resources(), self._resources)
        if reason and reason != self._said:
            self._say(f"{waiting} trial{'s wait' if waiting > 1 else ' waits'}: {reason}.")
            self._said = reason


def reason_to_wait(nodes: Iterable[Node], free: Mapping[str, Any], resources: Resources) -> str | None:
    """Why no trial of these resources starts; None where the cluster has room for one, which then is being started."""
    alive = [node for node in nodes if node["Alive"]]
    if not trials_on(alive, resources):
        return f"a trial takes {wanted(resources)}, and {_there(alive)}; it goes on when a node joins that has them"
    cores, gpus = free.get("CPU", 0), free.get("GPU", 0)
    if cores < resources.cpu * resources.workers or gpus < resources.gpu * resources.workers:
        return f"a trial takes {wanted(resources)}, and other work leaves {cores:g} cores and {gpus:g} GPUs free"
    return None


def wanted(resources: Resources) -> str:
    """What a trial takes, in words."""
    times = f"{resources.workers} times " if resources.workers > 1 else ""
    kind = f" of the kind {resources.accelerator_kind}" if resources.accelerator_kind else ""
    gpus = f" and {resources.gpu:g} GPU{'' if resources.gpu <= 1 else 's'}{kind}" if resources.gpu else ""
    return f"{times}{resources.cpu} core{'' if resources.cpu == 1 else 's'}{gpus}"


def _there(alive: list[Node]) -> str:
    if not alive:
        return "no node is there"
    totals = [(node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0)) for node in alive]
    cores, gpus = max(totals)
    count = f"{len(alive)} node{'' if len(alive) == 1 else 's'}"
    return f"of {count} the largest has {cores:g} cores and {gpus:g} GPUs"
