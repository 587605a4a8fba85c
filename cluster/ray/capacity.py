"""How many trials of a sweep's resources fit on nodes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from search_spaces.schema.resources import Resources
from trainables.tune.bundle import ACCELERATOR_TYPE

Node = Mapping[str, Any]
"""As ``ray.nodes()`` lists it: ``Alive``, and ``Resources`` by name."""


def trials_on(nodes: Iterable[Node], resources: Resources) -> int:
    """How many trials run at once; the workers of a trial may be on several nodes."""
    there = [node["Resources"] for node in nodes if node["Alive"]]
    kind = resources.accelerator_kind
    fitting = [one for one in there if kind is None or f"{ACCELERATOR_TYPE}{kind}" in one]
    workers = sum(workers_on(one.get("CPU", 0), one.get("GPU", 0), resources) for one in fitting)
    return workers // resources.workers


def workers_on(cores: float, gpus: float, resources: Resources) -> int:
    """How many workers a node of so many cores and GPUs holds; a fraction of a GPU lies on one of them."""
    by_cpu = int(cores // resources.cpu)
    if not resources.gpu:
        return by_cpu
    by_gpu = int(gpus) * on_one_gpu(resources.gpu) if resources.gpu < 1 else int(gpus // resources.gpu)
    return min(by_cpu, by_gpu)


def on_one_gpu(fraction: float) -> int:
    """How many of that fraction a GPU holds; a third goes three times."""
    return math.floor(1 / fraction + 1e-9)
