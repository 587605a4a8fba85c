"""What is asked of GPUs before a sweep starts: that they are of one kind, and that a trial fits into its fraction."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from cluster.ray.capacity import Node, on_one_gpu
from cluster.ray.session import ray_session
from cluster.tracking.run_description import trial_spec
from search_spaces import Sweep
from search_spaces.study.assignment import default_assignment
from trainables import TrialSpec
from trainables.training.peak_memory import Peak, largest_state, measure_on_gpu
from trainables.tune.bundle import ACCELERATOR_TYPE, bundle

UNNAMED = "one that Ray has no name for"
GB = 1e9


def check_gpus(sweep: Sweep, address: str | None, data_root: Path, console: Console) -> None:
    """Say how a fraction of a GPU fits. Raises InputError for GPUs of several kinds, and for too small a fraction."""
    resources = sweep.resources
    if not resources.gpu or (address is None and resources.gpu >= 1 and not resources.accelerator):
        return
    with ray_session(address, lambda told: console.print(f"warning: {told}", highlight=False, markup=False)):
        import ray

        kinds = kinds_of(ray.nodes())
        check_kinds(sweep, kinds, may_grow=address is not None)
        if resources.gpu < 1:
            if not kinds:
                console.print("GPU memory is not checked: no node with a GPU has joined yet.", highlight=False)
            kind = resources.accelerator_kind
            for one in kinds if kind is None else [kind] if kind in kinds else []:
                _check_memory(sweep, None if one == UNNAMED else one, data_root, console)


def kinds_of(nodes: Iterable[Node]) -> tuple[str, ...]:
    """The kinds of GPUs of these nodes by Ray's names, sorted."""
    found = set[str]()
    for node in nodes:
        if node["Alive"] and node["Resources"].get("GPU", 0) > 0:
            names = [name for name in node["Resources"] if name.startswith(ACCELERATOR_TYPE)]
            found |= {name.removeprefix(ACCELERATOR_TYPE) for name in names} or {UNNAMED}
    return tuple(sorted(found))


def check_kinds(sweep: Sweep, kinds: tuple[str, ...], may_grow: bool) -> None:
    """Raise InputError where trials of one arm would run on several kinds unasked, or on one that is not there."""
    asked = sweep.resources.accelerator
    if asked is None and len(kinds) > 1:
        raise sweep.file.error(
            "resources",
            "gpu",
            f"there are GPUs of several kinds ({', '.join(kinds)}), on which trials would not be alike; choose one "
            "with resources.accelerator, or allow all of them with resources.accelerator: any",
        )
    kind = sweep.resources.accelerator_kind
    if kind is not None and kind not in kinds and not may_grow:
        here = f"there is {', '.join(kinds)}" if kinds else "there is none"
        raise sweep.file.error("resources", "accelerator", f"no GPU here is of the kind {kind}; {here}")


def _check_memory(sweep: Sweep, kind: str | None, data_root: Path, console: Console) -> None:
    import ray
    from ray.exceptions import RayTaskError

    resources = sweep.resources
    asked = bundle(resources.cpu, resources.gpu, kind)
    cores, gpus = asked.pop("CPU"), asked.pop("GPU")
    # A process of its own each time, so that nothing of it stays on the GPU.
    task = ray.remote(num_cpus=cores, num_gpus=gpus, resources=asked, max_calls=1)(measure_on_gpu)
    specs = [spec.to_dict() for spec in largest_of_each_workload(sweep)]
    try:
        peak = ray.get(task.remote(sweep.code, specs, str(data_root)))
    except RayTaskError as error:
        if type(error.cause).__name__ != "OutOfMemoryError":
            raise
        raise sweep.file.error("resources", "gpu", "a trial needs more memory than a whole GPU has") from None
    line = fit(sweep, peak) if peak else "GPU memory is not checked: torch sees no GPU on the nodes that Ray counts."
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def largest_of_each_workload(sweep: Sweep) -> list[TrialSpec]:
    """Of each workload the default configuration of the arm whose optimizer keeps most."""
    return [
        largest_state([trial_spec(contest, default_assignment(contest, arm)) for arm in sweep.arms])
        for contest in map(sweep.on, sweep.by_workload)
    ]


def fit(sweep: Sweep, peak: Peak) -> str:
    """A line on how trials of that peak share a GPU. Raises InputError where one does not fit into its fraction."""
    fraction, smallest = sweep.resources.gpu, peak.smallest_fraction()
    takes = f"a trial of {peak.workload} takes {peak.bytes / GB:.2f} GB at its peak"
    has = f"{peak.device} has {peak.total / GB:.1f}"
    if smallest is None:
        raise sweep.file.error("resources", "gpu", f"{takes}, and {has}: not even a whole GPU is enough")
    if fraction * peak.total < peak.bytes:
        raise sweep.file.error(
            "resources",
            "gpu",
            f"{takes}, and {fraction:g} of a GPU is {fraction * peak.total / GB:.2f} GB ({has}); "
            f"the smallest fraction that fits is {smallest:g}",
        )
    at_once = f"{on_one_gpu(fraction)} at once at {fraction:g}, {on_one_gpu(smallest)} would fit"
    return f"GPU memory: {takes}, {has}: {at_once}."
