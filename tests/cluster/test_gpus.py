"""What is known of GPUs before a sweep starts: how many trials fit, of which kinds they are, what a trial takes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from cluster.planning.gpus import UNNAMED, check_gpus, check_kinds, fit, kinds_of, largest_of_each_workload
from cluster.ray.capacity import on_one_gpu, trials_on
from optimizers import InputError
from search_spaces import Sweep, load_sweep
from search_spaces.schema.resources import Resources
from tests.conftest import ONE_STUDY
from trainables.training.peak_memory import Peak, measure
from trainables.tune.trial import Trial

GB = 10**9


def node(cpu: float, gpu: float = 0, kind: str = "", alive: bool = True) -> dict[str, Any]:
    resources = {"CPU": cpu, **({"GPU": gpu} if gpu else {}), **({f"accelerator_type:{kind}": 1.0} if kind else {})}
    return {"Alive": alive, "Resources": resources}


def sweep(*overrides: str) -> Sweep:
    return load_sweep("quickstart", [*ONE_STUDY[1::2], *overrides])


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"cpu": 1}, 12),
        ({"cpu": 3}, 3),  # 1 and 2, not the 4 of 12 cores in one heap
        ({"cpu": 1, "workers": 5}, 2),
        ({"cpu": 1, "workers": 13}, 0),
        ({"cpu": 1, "gpu": 1}, 3),
        ({"cpu": 1, "gpu": 1, "workers": 3}, 1),
        ({"cpu": 1, "gpu": 0.1}, 12),  # ten to a GPU, of which the nodes' cores leave 4 and 8
        ({"cpu": 1, "gpu": 0.4}, 6),
        ({"cpu": 1, "gpu": 2}, 1),
        ({"cpu": 1, "gpu": 1, "accelerator": "T4"}, 1),
        ({"cpu": 1, "gpu": 1, "accelerator": "any"}, 3),
        ({"cpu": 1, "gpu": 1, "accelerator": "H100"}, 0),
    ],
)
def test_trials_that_fit_are_counted_node_by_node(resources: dict[str, Any], expected: int) -> None:
    nodes = [node(4, 1, "T4"), node(8, 2, "A100"), node(64, 8, "H100", alive=False)]
    assert trials_on(nodes, Resources(**resources)) == expected


def test_a_tenth_goes_ten_times_and_a_third_three_times() -> None:
    assert [on_one_gpu(fraction) for fraction in (0.1, 1 / 3, 0.3, 0.34, 0.5, 0.7)] == [10, 3, 3, 2, 2, 1]


def test_kinds_are_those_of_living_nodes_with_gpus() -> None:
    nodes = [node(4, 1, "T4"), node(4, 1, "A100"), node(4, 1, "T4"), node(4), node(4, 1, "H100", alive=False)]
    assert kinds_of(nodes) == ("A100", "T4")
    assert kinds_of([node(4, 1), *nodes]) == ("A100", "T4", UNNAMED)
    assert kinds_of([node(4)]) == ()


def test_several_kinds_are_refused_unless_one_is_chosen_or_all_are_allowed() -> None:
    with pytest.raises(InputError, match=r"resources.gpu: there are GPUs of several kinds \(A100, T4\).*: any"):
        check_kinds(sweep("resources.gpu=1"), ("A100", "T4"), may_grow=True)
    check_kinds(sweep("resources.gpu=1"), ("A100",), may_grow=True)
    check_kinds(sweep("resources={gpu: 1, accelerator: any}"), ("A100", "T4"), may_grow=True)
    chosen = sweep("resources={gpu: 1, accelerator: T4}")
    check_kinds(chosen, ("A100", "T4"), may_grow=True)
    check_kinds(chosen, ("A100",), may_grow=True)  # a cluster may still get one
    with pytest.raises(InputError, match=r"resources.accelerator: no GPU here is of the kind T4; there is A100"):
        check_kinds(chosen, ("A100",), may_grow=False)


def test_a_trial_asks_for_a_bundle_for_each_worker_on_the_chosen_kind() -> None:
    config = {"cpus": 2, "gpus": 1, "workers": 3, "accelerator": "A100"}
    assert Trial.default_resource_request(config).bundles == [{"CPU": 2, "GPU": 1, "accelerator_type:A100": 0.001}] * 3
    config = {"cpus": 1, "gpus": 0, "workers": 1, "accelerator": None}
    assert Trial.default_resource_request(config).bundles == [{"CPU": 1}]


def test_a_fraction_that_holds_the_peak_is_told_with_what_would_fit() -> None:
    line = fit(sweep("resources.gpu=0.25"), Peak("mlp/digits", 3 * GB, 16 * GB, "T4"))
    assert "3.00 GB at its peak, T4 has 16.0: 4 at once at 0.25, 5 would fit" in line


def test_a_fraction_that_is_too_small_is_refused_with_the_smallest_that_fits() -> None:
    peak = Peak("mlp/digits", 5 * GB, 16 * GB, "T4")
    assert peak.smallest_fraction() == 0.32
    with pytest.raises(InputError, match=r"resources.gpu: a trial of mlp/digits takes 5.00 GB .* that fits is 0.32"):
        fit(sweep("resources.gpu=0.25"), peak)
    fit(sweep("resources.gpu=0.32"), peak)
    with pytest.raises(InputError, match="not even a whole GPU"):
        fit(sweep("resources.gpu=0.5"), dataclasses.replace(peak, bytes=17 * GB))


class CountingMeter:
    """A device of 1,000 bytes whose peaks are given, one for each run."""

    def __init__(self, peaks: list[int]) -> None:
        self.peaks, self.begun = peaks, 0

    def begin(self) -> None:
        self.begun += 1

    def peak(self) -> int:
        return self.peaks[self.begun - 1]

    def total(self) -> int:
        return 1000


def test_the_probe_trains_the_arm_with_the_largest_state_of_each_workload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    arms = "arms={adam: {optimizer: adam}, sgd: {optimizer: sgd}, mine: {optimizer: ademamix}}"
    of = sweep(arms, "workload=null", "workloads={a: {name: mlp/digits}, b: {name: mlp/digits, batch_size: 8}}")
    specs = largest_of_each_workload(of)
    assert [(spec.optimizer, spec.batch_size) for spec in specs] == [("ademamix", 32), ("ademamix", 8)]
    meter = CountingMeter([300, 200])
    assert measure(specs, tmp_path, torch.device("cpu"), meter) == Peak("mlp/digits", 300, 1000, "cpu")
    assert meter.begun == 2


@pytest.mark.slow
@pytest.mark.cluster
def test_a_cluster_of_several_kinds_is_seen_through_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray.cluster_utils import Cluster

    (tmp_path / "token").write_text("0" * 64)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HOME", str(tmp_path))
    cluster = Cluster()
    try:
        for kind in ("T4", "A100"):
            cluster.add_node(num_cpus=1, num_gpus=1, resources={f"accelerator_type:{kind}": 1})
        cluster.wait_for_nodes()
        console = Console(quiet=True)
        with pytest.raises(InputError, match=r"several kinds \(A100, T4\)"):
            check_gpus(sweep("resources.gpu=1"), cluster.address, tmp_path, console)
        check_gpus(sweep("resources={gpu: 1, accelerator: A100}"), cluster.address, tmp_path, console)
        assert not ray.is_initialized()
    finally:
        cluster.shutdown()
