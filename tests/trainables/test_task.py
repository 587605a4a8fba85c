"""A workload of a user's own in one class: its entry, its data, and its training."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

import trainables
from optimizers import InputError
from tests.trainables.tasks import Diabetes, FromFile, Players, Wine
from trainables import Task, TrialSpec, WorkloadEntry
from trainables.data.splits import Split
from trainables.training.training_run import Training, open_training
from trainables.workloads.catalogue import WORKLOADS
from trainables.workloads.own_workload import described, entry_of

CPU = torch.device("cpu")
SOURCE = Path(__file__).with_name("tasks.py")


@pytest.fixture
def registered() -> Iterator[Callable[[type], WorkloadEntry]]:
    """Registers a class under its own name."""
    names = []

    def register(cls: type) -> WorkloadEntry:
        entry = dataclasses.replace(entry_of(f"tasks:{cls.__name__}", cls), name=f"own/{cls.__name__}")
        trainables.register(entry)
        names.append(entry.name)
        return entry

    yield register
    for name in names:
        WORKLOADS.unregister(name)


def train(entry: WorkloadEntry, **changed: Any) -> Training:
    spec = TrialSpec(entry.name, entry.epochs, entry.batch_size, "adam", {"lr": 0.01}, seed=1)
    spec = dataclasses.replace(spec, **changed)
    training = open_training(spec, entry.load_data(Path(), spec.options), CPU)
    training.advance(10_000)
    return training


def test_an_entry_follows_from_a_class() -> None:
    entry = entry_of("tasks:Wine", Wine)
    assert (entry.name, entry.target, entry.origin) == ("tasks:Wine", "tasks:Wine", "tasks:Wine")
    assert entry.model == "A small net on the 178 wines of scikit-learn"
    assert entry.metrics == {"val/loss": "minimize", "val/accuracy": "maximize"}
    assert (*entry.score_with({}), entry.epochs, entry.batch_size) == ("test/accuracy", "maximize", 3, 16)
    assert entry.check_options({"width": 8.0}) == {"width": 8, "dropout": 0.0}
    with pytest.raises(
        InputError, match=r'tasks:Wine has no option "widht"; it has width, dropout\. Did you mean "width"'
    ):
        entry.check_options({"widht": 8})
    plain = entry_of("tasks:Diabetes", Diabetes)
    assert (plain.metrics, plain.score, plain.options) == ({"val/loss": "minimize"}, "test/loss", {})


def test_a_description_of_the_source_is_the_entry_but_for_the_class() -> None:
    for cls in (Wine, Diabetes, Players, FromFile):
        derived, from_text = (
            entry_of(f"tasks:{cls.__name__}", cls),
            described(f"tasks:{cls.__name__}", SOURCE.read_text()),
        )
        assert dataclasses.replace(derived, task=None) == from_text
        for forbidden in (
            from_text.load,
            lambda one=from_text: one.load_data(Path()),
            lambda one=from_text: one.check_data(Path()),
        ):
            with pytest.raises(InputError, match=r"is not executed here|file is required"):
                forbidden()


class Everything(Task):
    def __init__(
        self,
        needed: str,
        file: Path,
        flag: bool = False,
        kind: Literal["a", "b"] = "a",
        sizes: tuple[int, ...] = (1, 2),
        limit: float | None = None,
        seed=0,
        *,
        act=nn.ReLU,
        folder: Path = Path("here"),
    ) -> None: ...

    def data(self, root: Path) -> Any: ...
    def build_model(self) -> nn.Module: ...
    def loss(self, model: Any, batch: Any) -> Any: ...


@pytest.mark.parametrize(
    "make",
    [lambda: entry_of("m:Everything", Everything), lambda: described("m:Everything", Path(__file__).read_text())],
)
def test_options_are_what_the_signature_says(make: Callable[[], WorkloadEntry]) -> None:
    entry = make()
    given = {"needed": "x", "file": "/data/f.csv"}
    values = entry.check_options(given)
    folder, _ = values.pop("folder"), values.pop("act", None)
    assert values == {**given, "flag": False, "kind": "a", "sizes": (1, 2), "limit": None, "seed": 0}
    assert folder in (str(Path("here").absolute()), None), "None where it is not known without computing it"
    assert entry.absolute({"file": "f.csv", "needed": "f.csv"}, Path("/sweep")) == {
        "file": "/sweep/f.csv",
        "needed": "f.csv",
    }
    for wrong, told in [
        ({"flag": 1}, "flag must be true or false"),
        ({"kind": "c"}, "kind must be one of a, b"),
        ({"limit": "x"}, "limit must be a number, got"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"sizes": object()}, "sizes must be a number, a text"),
        ({"needed": 3}, "needed must be a text"),
    ]:
        with pytest.raises(InputError, match=told):
            entry.check_options({**given, **wrong})
    with pytest.raises(InputError, match=r"m:Everything: file is required, as it has no default\."):
        entry.check_options({"needed": "x"})


def test_what_a_source_does_not_say_plainly_may_be_anything() -> None:
    for source in (
        None,
        "from elsewhere import Mine",
        "class Mine(Theirs): pass",
        "class Mine(Task):\n    metrics = made()",
        "class Mine(Task):\n    def __init__(self, **options): pass",
        "@register\nclass Mine(Task): pass",
    ):
        entry = described("m:Mine", source)
        assert entry.open_ended
        assert entry.check_options({"whatever": [1]}) == {"whatever": [1]}
    assert not described("m:Mine", "import trainables\nclass Mine(trainables.Task): pass").open_ended
    with pytest.raises(InputError, match=r'm has no "Mien"\. Did you mean "Mine"'):
        described("m:Mien", "class Mine(Task): pass")


def lacking(**attributes: Any) -> type:
    return type("Lacking", (Wine,), attributes)


@pytest.mark.parametrize(
    ("cls", "told"),
    [
        (nn.Linear, "m:X must be a subclass of trainables.Task, or a trainables.WorkloadEntry, and is another class"),
        (len, "m:X must be a subclass .* and is a builtin_function_or_method"),
        (type("Half", (Task,), {"loss": Wine.loss}), "m:X lacks data, build_model, which every trainables"),
        (lacking(metrics={"loss": "minimize"}), """metrics: 'loss' must begin with "val/", as in "val/loss"$"""),
        (lacking(metrics={"val/loss": "min"}), """metrics: val/loss must be "minimize" or "maximize", got 'min'"""),
        (lacking(metrics={}), "metrics must be a mapping"),
        (lacking(score="test/auc"), "score must be one of test/loss, test/accuracy, got 'test/auc'"),
        (lacking(epochs=0), "epochs must be a whole number >= 1, got 0"),
        (lacking(training={"clip": 1}), 'm:X: training has no option "clip"; .* Did you mean "clip_norm"'),
    ],
)  # fmt: skip
def test_a_class_that_is_not_a_task_says_what_is_wrong(cls: type, told: str) -> None:
    with pytest.raises(InputError, match=told):
        entry_of("m:X", cls)


def test_an_entry_of_ones_own_making_is_taken_as_it_is() -> None:
    ours = trainables.get("mlp/digits")
    assert entry_of("m:ENTRY", ours) == dataclasses.replace(ours, name="m:ENTRY")


def test_it_trains(registered: Callable[[type], WorkloadEntry]) -> None:
    run = train(registered(Wine), epochs=20)
    assert [point["epoch"] for point in run.curve] == list(range(1, 21))
    assert run.curve[-1]["val/accuracy"] > 0.9
    assert set(run.test_metrics()) == {"test/loss", "test/accuracy"}
    assert {len(run.data.train.targets), len(run.data.validation.targets)} == {178 - 2 * 27, 27}
    regression = train(registered(Diabetes), epochs=30)
    assert regression.data.classes == 0
    assert regression.data.train.inputs.dtype == regression.data.train.targets.dtype == torch.float32
    assert regression.curve[-1]["val/loss"] < regression.curve[0]["val/loss"] / 2


def test_its_parts_have_an_optimizer_each(registered: Callable[[type], WorkloadEntry]) -> None:
    entry = registered(Players)
    assert entry.parts == ("discriminator", "generator")
    hyperparameters = {"lr": 0.01, "generator": {"lr": 0.02}}
    run = train(entry, epochs=2, hyperparameters=hyperparameters)
    assert [part.optimizer.param_groups[0]["lr"] for part in run.parts] == [0.01, 0.02]
    assert {"train/discriminator_loss", "train/generator_loss", "val/distance"} <= set(run.curve[-1])


def test_an_interrupted_run_of_it_equals_an_uninterrupted_one(registered: Callable[[type], WorkloadEntry]) -> None:
    entry = registered(Wine)
    whole = train(entry, options={"dropout": 0.5})
    spec, data = whole.spec, whole.data
    first = open_training(spec, data, CPU)
    first.advance(5)
    state = first.state_dict()
    second = open_training(spec, entry.load_data(Path(), spec.options), CPU)
    second.load_state_dict(state)
    second.advance(10_000)
    assert second.weights_sha256() == whole.weights_sha256()


def test_what_a_run_leaves_on_a_task_is_not_seen_by_the_next(registered: Callable[[type], WorkloadEntry]) -> None:
    class Counting(Wine):
        steps = 0

        def loss(self, model: nn.Module, batch: Any) -> Any:
            self.steps += 1
            return super().loss(model, batch) * self.steps

    entry = registered(Counting)
    data = entry.load_data(Path())
    spec = TrialSpec(entry.name, 1, 16, "adam", {"lr": 0.01}, seed=1)
    digests = set()
    for _ in range(2):
        run = open_training(spec, data, CPU)
        run.advance(100)
        digests.add(run.weights_sha256())
    assert len(digests) == 1


def test_an_error_in_a_method_names_its_line(registered: Callable[[type], WorkloadEntry], tmp_path: Path) -> None:
    entry = registered(FromFile)
    with pytest.raises(InputError, match=r"nowhere\.csv: there is no such file; correct own/FromFile's option file$"):
        entry.check_data(Path(), {"file": str(tmp_path / "nowhere.csv")})
    (tmp_path / "broken.csv").write_text("1,2\nx,3\n")
    with pytest.raises(InputError, match=rf"^{SOURCE}:\d+: FromFile\.data failed: ValueError: could not convert"):
        entry.load_data(Path(), {"file": str(tmp_path / "broken.csv")})
    (tmp_path / "data.csv").write_text("".join(f"{i},{i % 2}\n" for i in range(20)))
    assert entry.load_data(Path(), {"file": str(tmp_path / "data.csv")}).classes == 2


def test_a_metric_that_is_no_number_is_refused(registered: Callable[[type], WorkloadEntry]) -> None:
    class Vector(Wine):
        def evaluate(self, model: nn.Module, split: Split) -> Any:
            return {"loss": model(split.inputs)} if self.width == 16 else model(split.inputs)

    entry = registered(Vector)
    with pytest.raises(
        InputError, match=r"Vector\.evaluate returns a Tensor of shape \(27, 3\) as loss; return a number"
    ):
        train(entry)
    with pytest.raises(InputError, match=r"Vector\.evaluate returns a Tensor; return metrics by name"):
        train(entry, options={"width": 8})


def test_evaluation_is_without_gradients_and_leaves_every_mode_as_it_was(
    registered: Callable[[type], WorkloadEntry],
) -> None:
    seen = []

    class Watching(Wine):
        def build_model(self) -> nn.Module:
            model = super().build_model()
            model[1].eval()  # pyright: ignore[reportIndexIssue]
            return model

        def evaluate(self, model: nn.Module, split: Split) -> Any:
            seen.append((model.training, torch.is_grad_enabled()))
            return super().evaluate(model, split)

    run = train(registered(Watching), epochs=1)
    assert seen == [(False, False)]
    assert [module.training for module in run.model.modules()] == [True, True, False, True, True]


def test_splits_that_are_drawn_are_the_same_ones_each_time(registered: Callable[[type], WorkloadEntry]) -> None:
    class Drawn(Wine):
        def data(self, root: Path) -> Any:
            x, y = super().data(root)
            order = np.random.permutation(len(y))
            first = torch.randperm(len(y))[0].item() + random.random()
            return np.column_stack([x, np.full(len(y), first)])[order], y[order]

    entry = registered(Drawn)
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    fingerprints = {entry.load_data(Path()).fingerprint, entry.load_data(Path()).fingerprint}
    assert len(fingerprints) == 1
    after = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert entry.is_recorded_data(fingerprints.pop(), Path())
    assert not entry.is_recorded_data("other", Path())
