"""Why trials wait: what Ray does not say, and what somebody in front of a still display wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from cluster.ray.capacity import Node, trials_on
from search_spaces.schema.resources import Resources
from search_spaces.schema.words import plural

LOOK_S = 2.0
# Between two trials, or until a lost one has another place, none runs for some seconds.
PATIENCE_S = 15.0


class WaitingCallback(Callback):
    """Says why when trials wait and none runs; what was said is not said again until one has run."""

    def __init__(self, resources: Resources, say: Callable[[str], None]) -> None:
        self._resources, self._say = resources, say
        self._looked = 0.0
        self._idle_since: float | None = None
        self._said = ""

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        if not trials or any(trial.status == Trial.RUNNING for trial in trials):
            self._idle_since, self._said = None, ""
            return
        self._idle_since = self._idle_since or now
        import ray

        reason = reason_to_wait(ray.nodes(), ray.available_resources(), self._resources, _has_actors())
        if reason is not None and reason != self._said and now - self._idle_since >= PATIENCE_S:
            self._say(f"trials wait: {reason}")
            self._said = reason

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles callbacks for a snapshot that is never read."""
        return {}


def _has_actors() -> bool:
    """Whether this driver has processes that have got their place; Tune asks for one when a place is free."""
    import ray
    from ray._private.state import actors  # the public API asks Ray's dashboard, which not every cluster runs

    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    return any(actor["State"] != "DEAD" for actor in actors(job_id=job).values())


def reason_to_wait(
    nodes: Iterable[Node], free: Mapping[str, Any], resources: Resources, starting: bool = False
) -> str | None:
    """Why no trial of these resources starts; None where there is room for one, which then is being started.

    While processes of the sweep's own are ``starting``, what is not free is theirs.
    """
    alive = [node for node in nodes if node["Alive"]]
    if not trials_on(alive, resources):
        return f"one takes {wanted(resources)}, and {_there(alive)}; they go on when a node joins that is large enough"
    if starting:
        return None
    cores, gpus = free.get("CPU", 0), free.get("GPU", 0)
    if cores < resources.cpu * resources.workers or gpus < resources.gpu * resources.workers:
        return f"one takes {wanted(resources)}, and other work leaves {cores:g} cores and {gpus:g} GPUs free"
    return None


def wanted(resources: Resources) -> str:
    """What a trial takes, in words."""
    times = f"{resources.workers} times " if resources.workers > 1 else ""
    kind = f" of the kind {resources.accelerator_kind}" if resources.accelerator_kind else ""
    gpus = f" and {resources.gpu:g} GPU{'' if resources.gpu <= 1 else 's'}{kind}" if resources.gpu else ""
    return f"{times}{plural(resources.cpu, 'core')}{gpus}"


def _there(alive: list[Node]) -> str:
    if not alive:
        return "no node is there"
    totals = [(node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0)) for node in alive]
    cores, gpus = max(totals)
    return f"of {plural(len(alive), 'node')} the largest has {cores:g} cores and {gpus:g} GPUs"
