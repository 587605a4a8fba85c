"""A workload that a user registers is checked, trained and listed as ours are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import trainables
from optimizers import Hyperparameter, InputError
from optimizers.domains import Integer
from tests.conftest import REPOSITORY
from trainables import TrialSpec, WorkloadEntry
from trainables.training.training_run import open_training
from trainables.workloads.catalogue import WORKLOADS
from trainables.workloads.classification import Classification

NARROW = WorkloadEntry(
    name="narrow/digits",
    target="tests.trainables.test_registration:Narrow",
    data_module="trainables.data.digits",
    model="64-width-10",
    data="scikit-learn's digits",
    metrics={"val/loss": "minimize", "val/accuracy": "maximize"},
    score="test/accuracy",
    epochs=2,
    batch_size=128,
    reference="none",
    options={"width": Hyperparameter(16, "units between", Integer(1))},
)


class Narrow(Classification):
    """As a user would write it."""

    shape = (64,)
    mean, deviation = (0.0,), (16 / 255,)

    def build_model(self, classes: int) -> nn.Module:
        width = self.options["width"]
        return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, classes))


@pytest.fixture
def narrow() -> Iterator[WorkloadEntry]:
    trainables.register(NARROW)
    yield trainables.get("narrow/digits")
    WORKLOADS.unregister("narrow/digits")
    assert "narrow/digits" not in trainables.names()


def test_a_registered_workload_is_trained(
    narrow: WorkloadEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path))
    spec = TrialSpec(narrow.name, 2, 128, "adam", {"lr": 0.01}, seed=0, options={"width": 32})
    training = open_training(spec, narrow.load_data(tmp_path), torch.device("cpu"))
    training.advance(1000)
    assert training.finished
    first, second = (point["val/loss"] for point in training.curve)
    assert second < first < 2.3
    assert [p.shape[0] for p in training.model.parameters()] == [32, 32, 10, 10]
    with pytest.raises(InputError, match="narrow/digits: width must be a whole number >= 1, got 0"):
        narrow.load({"width": 0})
    with pytest.raises(InputError, match='narrow/digits has no option "height"; it has width'):
        narrow.check_options({"height": 1})


@pytest.mark.usefixtures("narrow")
def test_a_workload_cannot_take_a_name_that_is_taken() -> None:
    with pytest.raises(InputError, match=r'the workload "narrow/digits" is registered already, by tests\.trainables'):
        trainables.register(NARROW)


def test_looking_up_a_workload_imports_no_torch() -> None:
    program = (
        "import sys, trainables\nfor name in trainables.names(): trainables.get(name)\nprint('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert ended.stdout.strip() == "False"


@pytest.mark.parametrize("name", trainables.names())
def test_the_class_of_every_workload_is_there(name: str) -> None:
    entry = trainables.get(name)
    assert type(entry.load()).__name__ == entry.target.rpartition(":")[2]


@pytest.mark.parametrize(("name", "remedy"), [("mlp/mnist", "unpacked files"), ("mlp/cifar10", "unpacked folder")])
def test_a_download_that_fails_says_what_to_do_and_leaves_nothing(
    name: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # where nothing listens
    root = tmp_path / "data"
    with pytest.raises(
        InputError, match=rf"is not there and could not be downloaded \(.*\); put the {remedy}.* --data"
    ):
        trainables.get(name).obtain_data(root)
    assert not root.exists()
