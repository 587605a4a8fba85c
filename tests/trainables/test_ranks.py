"""A run that several processes share is the run of one with the same batches, up to the order of additions."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import REPOSITORY
from tests.trainables.cases import spec_of
from tests.trainables.ranks_program import came_out, opened, train
from trainables import TrialSpec
from trainables.training._worker_ranks import BUCKET_BYTES, _buckets

WORKERS = 2
ALLOWED = 1e-5
"""How far weights may lie apart, relatively to their norm: float32, added up in another order."""


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "data-cache"))
        yield


def digits(steps: int, every: int, **changed: Any) -> TrialSpec:
    spec = TrialSpec("mlp/digits", steps // every, 64, "adam", {"lr": 3e-3}, seed=7, evaluate_every=every)
    return dataclasses.replace(spec, **changed)


def made_up(name: str, **options: Any) -> TrialSpec:
    """A small run of another workload, with batches of 7 examples, which two cannot share equally."""
    spec = spec_of(name)
    own = {key: value for key, value in options.items() if key in spec.options}
    # Adam would make as much of gradients that are nothing but rounding as of others.
    plain = {"optimizer": "sgd", "hyperparameters": {"lr": 0.05, "momentum": 0.9}}
    return dataclasses.replace(spec, batch_size=7, options={**spec.options, **own}, **plain)


def shared(spec: TrialSpec, folder: Path, stop_at: int = 0) -> list[dict[str, Any]]:
    """What came out of the run in processes of its own, by rank."""
    folder.mkdir(exist_ok=True)
    return [of_all[0] for of_all in all_shared([spec], folder, stop_at)]


def all_shared(specs: list[TrialSpec], folder: Path, stop_at: int = 0) -> list[list[dict[str, Any]]]:
    """What came out of runs, one after the other in the same processes, by rank and run."""
    cases = [{"spec": spec.to_dict(), "stop_at": stop_at} for spec in specs]
    (folder / "cases.json").write_text(json.dumps({"cases": cases, "workers": WORKERS, "timeout_s": 60}))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.trainables.ranks_program", str(folder), str(rank)],
            cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(WORKERS)
    ]  # fmt: skip
    try:
        for process in processes:
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return [torch.load(folder / f"rank-{rank}.pt", weights_only=True) for rank in range(WORKERS)]


def alone(spec: TrialSpec, folder: Path) -> dict[str, Any]:
    training = opened(spec, folder, shared=False)
    train(training, training.total_steps)
    return came_out(training)


def difference(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """The distance of two sets of weights, relative to the norm of one."""
    assert ours.keys() == theirs.keys()
    ours_flat, theirs_flat = (torch.cat([p.flatten() for p in one.values()]) for one in (ours, theirs))
    return float((ours_flat - theirs_flat).norm() / theirs_flat.norm())


def assert_equal_runs(ours: dict[str, Any], theirs: dict[str, Any], allowed: float = ALLOWED) -> None:
    assert ours["step"] == theirs["step"]
    far = difference(ours["weights"], theirs["weights"])
    assert far < allowed, far
    assert len(ours["curve"]) == len(theirs["curve"]) > 0
    for one, other in zip(ours["curve"], theirs["curve"], strict=True):
        assert {**one, "timestamp": 0} == pytest.approx({**other, "timestamp": 0}, rel=1e-3, abs=1e-6)


def assert_in_step(ranks: list[dict[str, Any]]) -> None:
    """Weights are the same bits everywhere, and only the first evaluates."""
    for other in ranks[1:]:
        assert difference(ranks[0]["weights"], other["weights"]) == 0.0
        assert len(other["curve"]) < len(ranks[0]["curve"])


# 63 examples a batch are 32 and 31; the last batch of a pass over the 1,257 has 60.
@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    spec = digits(50, 10, batch_size=63)
    ranks, one = shared(spec, tmp_path / "shared"), alone(spec, tmp_path)
    assert_in_step(ranks)
    assert_equal_runs(ranks[0], one)
    start = came_out(opened(spec, tmp_path, shared=False))
    assert difference(one["weights"], start["weights"]) > 0.05, "it must have learnt something to compare"


# 1,257 examples in batches of 157 leave one over, which two cannot share.
CLIPPED = "clipped, in pieces, a batch of one"
DIVERGING = "diverging"


def of_the_gate() -> dict[str, TrialSpec]:
    return {
        CLIPPED: digits(50, 10, batch_size=157, training={"clip_norm": 0.5, "accumulate": 3}),
        "lstm/text": made_up("lstm/text", dropout=0.0),
        DIVERGING: digits(50, 10, optimizer="sgd", hyperparameters={"lr": 1e4}),
    }


@pytest.fixture(scope="module")
def together(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What came out of the runs of the gate, by name and rank; processes are dear to start, so they share two."""
    specs = of_the_gate()
    by_rank = all_shared(list(specs.values()), tmp_path_factory.mktemp("together"))
    return {name: [runs[number] for runs in by_rank] for number, name in enumerate(specs)}


@pytest.mark.cluster
@pytest.mark.parametrize("name", [CLIPPED, "lstm/text"])
def test_two_processes_train_one_run_after_another_as_one(
    name: str, together: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    assert_in_step(together[name])
    assert_equal_runs(together[name][0], alone(of_the_gate()[name], tmp_path))


@pytest.mark.cluster
def test_divergence_is_found_by_all_at_the_same_step(together: dict[str, list[dict[str, Any]]]) -> None:
    ranks = together[DIVERGING]
    assert {rank["diverged"] for rank in ranks} == {True}
    assert len({rank["step"] for rank in ranks}) == 1
    assert ranks[0]["step"] < 50


@pytest.mark.slow
def test_two_processes_average_the_same_weights(tmp_path: Path) -> None:
    spec = digits(50, 10, options={"label_smoothing": 0.1}, optimizer="schedulefree_adamw")
    ranks, one = shared(spec, tmp_path / "shared"), alone(spec, tmp_path)
    assert_in_step(ranks)
    assert_equal_runs(ranks[0], one)


@pytest.mark.slow
def test_in_bfloat16_two_processes_stay_in_step(tmp_path: Path) -> None:
    plain = {"optimizer": "sgd", "hyperparameters": {"lr": 0.1, "momentum": 0.9}}
    spec = digits(50, 10, training={"precision": "bfloat16"}, **plain)
    ranks, one = shared(spec, tmp_path / "shared"), alone(spec, tmp_path)
    assert_in_step(ranks)
    # Numbers have 8 bits here, to which each share is rounded: no more is lost by it than by bfloat16 itself.
    exact = alone(dataclasses.replace(spec, training={}), tmp_path)
    assert difference(ranks[0]["weights"], one["weights"]) < 2 * difference(one["weights"], exact["weights"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn/cifar10", "lstm/one-billion-word", "gpt/text", "mlp/table"])
def test_what_is_drawn_and_carried_is_that_of_one_process(name: str, tmp_path: Path) -> None:
    """Augmentation and columns of text; without dropout, which is each process's own."""
    spec = made_up(name, dropout=0.0)
    ranks, one = shared(spec, tmp_path / "shared"), alone(spec, tmp_path)
    assert_in_step(ranks)
    assert_equal_runs(ranks[0], one)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lstm/text", "dcgan/mnist", "resnet20/cifar10", "gpt/text", "mlp/table"])
def test_a_shared_run_goes_on_from_the_firsts_checkpoint(name: str, tmp_path: Path) -> None:
    """With dropout, batch norm, and a state that every process carries of its own columns."""
    spec = made_up(name)
    whole, part = shared(spec, tmp_path / "whole"), shared(spec, tmp_path / "part", stop_at=4)
    assert_in_step(part)
    assert difference(part[0]["weights"], whole[0]["weights"]) == 0.0
    assert [{**point, "timestamp": 0} for point in part[0]["curve"]] == [
        {**point, "timestamp": 0} for point in whole[0]["curve"]
    ]


def test_buckets_hold_every_tensor_once_and_no_more_than_they_may() -> None:
    tensors = [nn.Parameter(torch.zeros(BUCKET_BYTES // 10)) for _ in range(7)]
    tensors.insert(3, nn.Parameter(torch.zeros(5, dtype=torch.float64)))
    buckets = _buckets(tensors)
    assert sorted(id(tensor) for bucket in buckets for tensor in bucket) == sorted(map(id, tensors))
    for bucket in buckets:
        assert len({tensor.dtype for tensor in bucket}) == 1
        assert sum(tensor.numel() * tensor.element_size() for tensor in bucket) <= BUCKET_BYTES
    assert len(buckets) > 2
