"""A run is its spec: stopped and restored anywhere, it gives the same bits."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import optimizers
import trainables
from optimizers import InputError
from trainables import TrialSpec
from trainables.data.feeds import Shuffled
from trainables.data.splits import DataSet
from trainables.training.training_run import Training, open_training
from trainables.tune.summary import last_values, summarise

SCHEDULED = {
    "lr": 3e-3,
    "beta1_schedule": {"kind": "cosine", "unit": "epoch", "to": 0.5},
    "beta2_schedule": {"kind": "polynomial"},
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "data-cache"))
    torch.set_num_threads(1)


def spec(optimizer: str = "moment_adam", epochs: int = 4, test: bool = False, **hyperparameters: object) -> TrialSpec:
    return TrialSpec("mlp/digits", epochs, 64, optimizer, hyperparameters, seed=7, target=0.5, test=test)


def digits() -> DataSet:
    return trainables.get("mlp/digits").load_data(Path())


def fresh(of: TrialSpec) -> Training:
    return open_training(of, digits(), torch.device("cpu"))


def restored(training: Training) -> Training:
    """As a new process would: through torch.save and torch.load(weights_only=True)."""
    file = io.BytesIO()
    torch.save(training.state_dict(), file)
    file.seek(0)
    other = fresh(training.spec)
    other.load_state_dict(torch.load(file, weights_only=True))
    return other


def without_time(curve: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: value for key, value in point.items() if key != "timestamp"} for point in curve]


@pytest.mark.parametrize(
    ("optimizer", "hyperparameters"),
    [("moment_adam", SCHEDULED), ("adam", {"lr": 3e-3}), ("sgd", {"lr": 0.1, "momentum": 0.9})],
)
@pytest.mark.parametrize("stop_at", [1, 13, 20, 39])
def test_an_interrupted_run_equals_an_uninterrupted_one(optimizer: str, hyperparameters: dict, stop_at: int) -> None:
    whole = fresh(spec(optimizer, **hyperparameters))
    whole.advance(10_000)
    part = fresh(spec(optimizer, **hyperparameters))
    part.advance(stop_at)
    torch.manual_seed(12345)  # what other code does to the global generator in between must not matter
    part = restored(part)
    part.advance(10_000)
    assert part.step == whole.step == 80
    assert part.weights_sha256() == whole.weights_sha256()
    assert without_time(part.curve) == without_time(whole.curve)


@pytest.mark.parametrize("optimizer", [*optimizers.names(), "lookahead(sgd)"])
def test_with_every_optimizer_an_interrupted_run_equals_an_uninterrupted_one(optimizer: str) -> None:
    whole, part = fresh(spec(optimizer, epochs=2)), fresh(spec(optimizer, epochs=2))
    whole.advance(10_000)
    part.advance(27)  # between two epochs, two moves of slow weights, two updates of an eigenbasis
    part = restored(part)
    part.advance(10_000)
    assert part.weights_sha256() == whole.weights_sha256()
    assert without_time(part.curve) == without_time(whole.curve)


# YellowFin limits the length of a step, so that no rate sends it off at once.
@pytest.mark.parametrize("optimizer", [*(name for name in optimizers.names() if name != "yellowfin"), "lookahead(sgd)"])
def test_a_run_that_leaves_every_scale_has_diverged_whatever_its_optimizer_does(optimizer: str) -> None:
    rates = dict.fromkeys(optimizers.get(optimizer).learning_rates, 1e30)
    run = fresh(dataclasses.replace(spec(optimizer, epochs=1), hyperparameters=rates))
    run.advance(10_000)
    assert run.diverged


@pytest.mark.parametrize(("optimizer", "own"), [("schedulefree_adamw", {}), ("lookahead(sgd)", {"lookahead_k": 3})])
def test_averaged_weights_are_evaluated_tested_and_digested_and_the_others_trained(optimizer: str, own: dict) -> None:
    run = fresh(spec(optimizer, epochs=1, lr=0.01, **own))
    run.advance(10_000)
    trained = [p.detach().clone() for p in run.model.parameters()]
    digest, tested = run.weights_sha256(), run.test_metrics()
    assert all(map(torch.equal, run.model.parameters(), trained))
    plain: Any = run.parts[0].optimizer
    plain.eval()
    averaged = [p.detach().clone() for p in run.model.parameters()]
    assert not any(map(torch.equal, averaged, trained))
    assert run.curve[-1]["val/loss"] == run.workload.evaluate(run.model, run.data.validation)["loss"]
    assert tested["test/loss"] == run.workload.evaluate(run.model, run.data.test)["loss"]
    plain.train()
    with torch.no_grad():
        for p, value in zip(run.model.parameters(), averaged, strict=True):
            p.copy_(value)
    other = fresh(spec("sgd", epochs=1))
    other.model.load_state_dict(run.model.state_dict())
    assert other.weights_sha256() == digest


def in_steps(optimizer: str, evaluations: int, every: int, **hyperparameters: Any) -> TrialSpec:
    return dataclasses.replace(spec(optimizer, evaluations, **hyperparameters), evaluate_every=every)


def test_a_budget_in_steps_takes_the_same_steps_as_one_in_epochs() -> None:
    """20 steps are an epoch here; 6 evaluations after 10 steps each are three of them, scheduled by epochs too."""
    epochs, steps = (
        fresh(spec("moment_adam", epochs=3, **SCHEDULED)),
        fresh(in_steps("moment_adam", 6, 10, **SCHEDULED)),
    )
    epochs.advance(10_000)
    steps.advance(10_000)
    assert steps.step == epochs.step == 60
    assert steps.weights_sha256() == epochs.weights_sha256()
    assert [point["step"] for point in steps.curve] == [10, 20, 30, 40, 50, 60]
    assert [point["epoch"] for point in steps.curve] == [1, 2, 3, 4, 5, 6]
    assert steps.curve[1]["val/loss"] == epochs.curve[0]["val/loss"]
    halves = (steps.curve[0]["train/loss"] * 10 * 64 + steps.curve[1]["train/loss"] * (1257 - 640)) / 1257
    assert halves == pytest.approx(epochs.curve[0]["train/loss"], rel=1e-5)


@pytest.mark.parametrize("stop_at", [6, 7, 20, 33])
def test_a_budget_in_steps_is_resumed_bit_for_bit(stop_at: int) -> None:
    whole = fresh(in_steps("adam", 6, 7, lr=3e-3))
    whole.advance(10_000)
    part = fresh(in_steps("adam", 6, 7, lr=3e-3))
    part.advance(stop_at)
    part = restored(part)
    part.advance(10_000)
    assert part.step == 42
    assert part.weights_sha256() == whole.weights_sha256()
    assert without_time(part.curve) == without_time(whole.curve)


class Sealed:
    """A split that must not be read."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"the test split was read: {name}")


def test_a_search_trial_never_reads_the_test_split(tmp_path: Path) -> None:
    sealed: Any = Sealed()
    data = dataclasses.replace(digits(), test=sealed)
    training = open_training(spec("adam", lr=3e-3), data, torch.device("cpu"))
    training.advance(10_000)
    training.weights_sha256()
    assert training.finished
    with pytest.raises(AssertionError, match="the test split was read"):
        training.test_metrics()


def test_a_run_learns() -> None:
    training = fresh(spec("adam", epochs=15, lr=3e-3))
    training.advance(10_000)
    assert [point["epoch"] for point in training.curve] == list(range(1, 16))
    assert training.curve[-1]["val/accuracy"] > 0.9
    assert training.curve[-1]["train/loss"] < training.curve[0]["train/loss"] / 5
    assert training.test_metrics()["test/accuracy"] > 0.9


def test_seeds_change_a_run_and_nothing_else_does() -> None:
    runs = [fresh(spec("adam", epochs=1, lr=1e-3)), fresh(spec("adam", epochs=1, lr=1e-3))]
    other = fresh(TrialSpec.from_dict({**runs[0].spec.to_dict(), "seed": 8}))
    for run in (*runs, other):
        run.advance(10_000)
    assert runs[0].weights_sha256() == runs[1].weights_sha256() != other.weights_sha256()
    assert runs[0].spec.config_hash == other.spec.config_hash


def test_each_seed_has_its_own_order_of_examples_which_every_optimizer_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(Shuffled, "begin_epoch", lambda feed, generator: drawn.append(generator.initial_seed()))
    for of in (spec("adam", lr=1e-3), spec("sgd", lr=1e-3), dataclasses.replace(spec("adam", lr=1e-3), seed=8)):
        fresh(of)
    assert drawn == [7, 7, 8]


def test_a_diverging_run_stops_at_once() -> None:
    training = fresh(spec("sgd", epochs=20, lr=1e4))
    training.advance(10_000)
    assert training.diverged
    assert training.finished
    assert training.step <= 21


def test_a_checkpoint_of_another_run_is_refused() -> None:
    training = fresh(spec("adam", lr=1e-3))
    with pytest.raises(ValueError, match="another configuration"):
        fresh(spec("adam", lr=2e-3)).load_state_dict(training.state_dict())


def test_a_schedule_without_a_length_gets_the_trials_own() -> None:
    training = fresh(spec(**SCHEDULED))
    training.advance(10_000)
    group = training.parts[0].optimizer.param_groups[0]
    assert group["beta1_schedule"]["stop"] == training.spec.epochs


def test_the_summary_counts_the_first_step_that_reached_the_target() -> None:
    curve = [{"step": 10, "val/loss": 0.9}, {"step": 20, "val/loss": 0.4}, {"step": 30, "val/loss": 0.6}]
    record = {"spec": spec().to_dict(), "curve": curve, "train_seconds": 2.5, "step": 30, "inherited_steps": 10}
    assert summarise(record) == {
        "summary/best_val_loss": 0.4,
        "summary/final_val_loss": 0.6,
        "summary/steps_to_target": 20,
        "summary/train_seconds": 2.5,
        "summary/steps": 20,
    }
    missed = {**record, "curve": curve[:1]}
    assert "summary/steps_to_target" not in summarise(missed)
    assert last_values(record, ["val/loss", "summary/train_seconds", "summary/steps_to_target"]) == [0.6, 2.5, 20]
    assert last_values(missed, ["summary/steps_to_target"]) == [math.inf]
    assert summarise({**record, "curve": []}) == {"summary/train_seconds": 2.5, "summary/steps": 20}


def test_a_misspelt_workload_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match='Did you mean "mlp/digits"'):
        trainables.get("mlp/digit")


def test_what_an_evaluation_draws_changes_nothing_of_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, drawing = fresh(spec("adam", lr=1e-3)), fresh(spec("adam", lr=1e-3))
    evaluate = drawing.workload.evaluate

    def draw_and_evaluate(*arguments: Any) -> Mapping[str, float]:
        torch.rand(100)
        return evaluate(*arguments)

    monkeypatch.setattr(drawing.workload, "evaluate", draw_and_evaluate)
    for training in (plain, drawing):
        training.advance(plain.steps_per_epoch)
    assert torch.equal(plain.state_dict()["torch_generator"], drawing.state_dict()["torch_generator"])


def test_a_schedule_that_grew_along_a_line_is_what_it_is_from_its_start() -> None:
    """Also around an optimizer that counts its steps in the group."""
    grown = {"kind": "piecewise", "unit": "epoch", "milestones": [3], "values": [0.5]}
    first, whole = (
        spec("lookahead(moment_adam)", lookahead_k=7),
        spec("lookahead(moment_adam)", lookahead_k=7, beta1_schedule=grown),
    )
    parent = fresh(first)
    parent.advance(2 * parent.steps_per_epoch)
    child = fresh(whole)
    child.load_state_dict(parent.state_dict(), inherited=True)
    child.advance(10_000)
    straight = fresh(whole)
    straight.advance(10_000)
    assert child.weights_sha256() == straight.weights_sha256()
    assert [point["val/loss"] for point in child.curve] == [point["val/loss"] for point in straight.curve]
    with pytest.raises(ValueError, match="another configuration"):
        fresh(whole).load_state_dict(parent.state_dict())
