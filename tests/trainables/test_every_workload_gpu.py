"""Every workload on a GPU, on made-up data: its curve begins as on the CPU, and a checkpoint goes on on either."""

from __future__ import annotations

import dataclasses
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import trainables
from tests.trainables.cases import made_up_data, spec_of
from trainables import TrialSpec
from trainables.data.splits import DataSet
from trainables.training.training_run import Training, open_training
from trainables.tune.checkpoint import TrialFolder
from trainables.workloads import dcgan

pytestmark = pytest.mark.gpu

CPU = torch.device("cpu")
every_workload = pytest.mark.parametrize("name", trainables.names())
# What is drawn on a GPU differs from what is drawn on the CPU.
DRAWS_NOTHING: dict[str, Any] = {"augment": False, "dropout": 0.0}
ALLOWED = dict.fromkeys(trainables.names(), 5e-3) | {
    # Many batch norms over the 8 images of a batch make much of rounding: that of the weights moves losses by 2 %.
    name: 0.1
    for name in trainables.names()
    if name.startswith("resnet18/") or name.endswith("/imagenet")
}
"""How far losses of the first steps may lie apart, relatively: float32 on both, summed in another order."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "workload-cache"))


def losses(training: Training) -> list[dict[str, float]]:
    """What the curve says of losses, point by point."""
    return [{key: value for key, value in point.items() if key.endswith("loss")} for point in training.curve]


def timeless(training: Training) -> list[dict[str, float]]:
    return [{**point, "timestamp": 0} for point in training.curve]


def run(spec: TrialSpec, data: DataSet, device: torch.device) -> Training:
    """From start to end."""
    training = open_training(spec, data.to(device), device)
    training.advance(training.total_steps)
    assert training.finished
    assert not training.diverged
    return training


def resumed(spec: TrialSpec, data: DataSet, device: torch.device, folder: TrialFolder) -> Training:
    """From its last checkpoint to the end, after other code has used the generators."""
    torch.manual_seed(4321)
    training = open_training(spec, data.to(device), device)
    state, damaged = folder.load_checkpoint()
    assert state is not None
    assert damaged == []
    training.load_state_dict(state)
    assert 0 < training.step < training.total_steps
    training.advance(training.total_steps)
    assert training.finished
    assert not training.diverged
    return training


def assert_close(ours: Training, theirs: Training, allowed: float) -> None:
    for one, other in zip(losses(ours), losses(theirs), strict=True):
        assert one == pytest.approx(other, rel=allowed)


@every_workload
def test_the_curve_begins_as_on_the_cpu(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: torch.device
) -> None:
    spec = spec_of(name)
    spec = dataclasses.replace(spec, options={k: DRAWS_NOTHING.get(k, v) for k, v in spec.options.items()})
    data = made_up_data(spec, tmp_path)

    def generate(workload: Any, pair: Any, count: int, device: torch.device) -> torch.Tensor:
        return pair.generator(torch.randn(count, workload.options["latent"]).to(device))

    monkeypatch.setattr(dcgan.Dcgan, "_generate", generate)
    there, here = run(spec, data, gpu), run(spec, data, CPU)
    assert {p.device.type for p in there.model.parameters()} == {gpu.type}
    assert len(losses(there)) == 2
    assert_close(there, here, ALLOWED[name])
    assert all(math.isfinite(value) for value in there.test_metrics().values())


@every_workload
def test_a_checkpoint_of_a_gpu_goes_on_there_and_on_the_cpu(name: str, tmp_path: Path, gpu: torch.device) -> None:
    """To the bit on the GPU where two whole runs agree to the bit; elsewhere the drawing differs, so it is finite."""
    spec = spec_of(name)
    if name.startswith("lstm/"):
        # Between layers cuDNN draws the dropout from a state of its own, which no checkpoint can hold.
        spec = dataclasses.replace(spec, options={**spec.options, "dropout": 0.0})
    data, folder = made_up_data(spec, tmp_path), TrialFolder(tmp_path)
    whole, again = run(spec, data, gpu), run(spec, data, gpu)
    part = open_training(spec, data.to(gpu), gpu)
    part.advance(4)
    folder.save_checkpoint(part.state_dict(), part.step)

    on_gpu = resumed(spec, data, gpu, folder)
    if whole.weights_sha256() == again.weights_sha256():
        assert on_gpu.weights_sha256() == whole.weights_sha256()
        assert timeless(on_gpu) == timeless(whole)
    else:
        warnings.warn(f"{name}: two equal runs differ on this GPU, so a resumed one is only near", stacklevel=1)
        assert_close(on_gpu, whole, ALLOWED[name])

    on_cpu = resumed(spec, data, CPU, folder)
    assert {p.device.type for p in on_cpu.model.parameters()} == {"cpu"}
    assert timeless(on_cpu)[0] == timeless(part)[0]
    assert all(math.isfinite(value) for point in on_cpu.curve for value in point.values())


@pytest.mark.parametrize(
    ("workload", "training"),
    [
        ("mlp/digits", {}),
        ("mlp/digits", {"precision": "bfloat16"}),
        ("mlp/digits", {"compile": True}),
        ("mlp/digits", {"accumulate": 2, "clip_norm": 1.0}),
        ("cnn/cifar10", {"precision": "bfloat16"}),
        ("resnet20/cifar10", {"precision": "bfloat16"}),
        ("dcgan/mnist", {"precision": "bfloat16"}),
        ("lstm/text", {"precision": "bfloat16"}),
    ],
)
def test_a_gpu_trains_in_every_way(workload: str, training: dict[str, Any], tmp_path: Path, gpu: torch.device) -> None:
    """The loss of a few real examples is learnt, or, where the data is made up, at least a number."""
    spec = dataclasses.replace(spec_of(workload), training=training)
    data = made_up_data(spec, tmp_path)
    if workload == "mlp/digits":
        spec = dataclasses.replace(spec, epochs=10, evaluate_every=50, hyperparameters={"lr": 3e-3})
        data = trainables.get(workload).load_data(tmp_path)
    curve = run(spec, data, gpu).curve
    assert all(math.isfinite(value) for point in curve for value in point.values())
    if workload == "mlp/digits":
        assert curve[-1]["val/accuracy"] > 0.85
