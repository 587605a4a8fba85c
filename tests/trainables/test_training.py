"""A run is its spec: stopped and restored anywhere, or in an actor that ran others before, it gives the same bits."""

from __future__ import annotations

import dataclasses
import io
import itertools
import math
import threading
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
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.summary import last_values, summarise
from trainables.tune.trial import WORST_OBJECTIVE, Trial

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


# The Ray Tune Trainable, without Ray: an actor calls setup, step and reset_config as here.


def config(of: TrialSpec, folder: Path, session: int = 1) -> dict:
    folder.mkdir(exist_ok=True)
    decisions = [2, of.epochs]
    return {
        "spec": of.to_dict(), "folder": str(folder), "session": session, "data_root": str(folder), "cpus": 1, "gpus": 0,
        "workers": 1, "accelerator": None, "checkpoint_seconds": 60.0,
        "decisions": decisions,
        "tradeoffs": [],
    }  # fmt: skip


def steps_to_end(trial: Trial) -> list[dict]:
    results = [trial.step()]
    while not results[-1]["done"]:
        results.append(trial.step())
    return results


def test_a_trial_in_a_reused_actor_equals_one_in_a_fresh_actor(tmp_path: Path) -> None:
    actor = Trial(config(spec("sgd", lr=0.5, momentum=0.9), tmp_path / "first"))
    actor.step()
    assert actor.reset_config(config(spec(**SCHEDULED), tmp_path / "reused"))
    reused = steps_to_end(actor)
    alone = steps_to_end(Trial(config(spec(**SCHEDULED), tmp_path / "alone")))
    assert reused[-1]["outcome"]["weights_sha256"] == alone[-1]["outcome"]["weights_sha256"]
    assert [without_time(result["curve"]) for result in reused] == [without_time(result["curve"]) for result in alone]


def test_a_trial_goes_on_from_its_folder_and_tells_its_last_decision_again(tmp_path: Path) -> None:
    of = spec(**SCHEDULED)
    whole = steps_to_end(Trial(config(of, tmp_path / "whole")))
    assert [result["epoch"] for result in whole] == [2, 4]
    before = Trial(config(of, tmp_path / "cut")).step()
    after = steps_to_end(Trial(config(of, tmp_path / "cut", session=2)))
    assert after[0] == before
    assert after[-1]["outcome"] == whole[-1]["outcome"]
    again = steps_to_end(Trial(config(of, tmp_path / "cut", session=3)))
    assert [result["outcome"] for result in again] == [whole[-1]["outcome"]]
    assert len(again[0]["curve"]) == of.epochs


def test_a_damaged_checkpoint_is_set_aside_by_name_and_the_result_is_the_same(tmp_path: Path) -> None:
    of = spec(**SCHEDULED)
    Trial(config(of, tmp_path)).step()
    (checkpoint,) = tmp_path.glob("checkpoints/*.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    results = steps_to_end(Trial(config(of, tmp_path, session=2)))
    assert str(checkpoint) in results[0]["warnings"][0]
    assert "damaged" in results[0]["warnings"][0]
    assert Path(f"{checkpoint}.damaged").exists()
    whole = steps_to_end(Trial(config(of, tmp_path / "whole")))
    assert results[-1]["outcome"]["weights_sha256"] == whole[-1]["outcome"]["weights_sha256"]


def test_the_record_of_another_configuration_is_refused(tmp_path: Path) -> None:
    steps_to_end(Trial(config(spec("adam", lr=1e-3), tmp_path)))
    (result,) = steps_to_end(Trial(config(spec("adam", lr=1e-1), tmp_path)))
    assert result["outcome"]["status"] == "interrupted"
    assert "record of another configuration" in result["outcome"]["reason"]


def test_a_killed_drivers_late_record_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    TrialFolder(tmp_path, session=2).write_record({"epoch": 4})
    TrialFolder(tmp_path, session=1).write_record({"epoch": 2})
    record, _ = TrialFolder(tmp_path).read_record()
    assert record == {"epoch": 4, "session": 2}


def test_checkpoints_are_few_and_a_late_writer_of_a_killed_driver_harms_none(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path, session=2)
    for step in (10, 20, 30, 40):
        folder.save_checkpoint({"step": step}, step)
    assert len(list(tmp_path.glob("checkpoints/*"))) == 2
    TrialFolder(tmp_path, session=1).save_checkpoint({"step": 20}, 20)
    state, warnings = folder.load_checkpoint()
    assert (state, warnings) == ({"step": 40}, [])


def test_a_trial_goes_on_while_the_process_of_its_lost_node_still_saves(tmp_path: Path) -> None:
    folder, weights = TrialFolder(tmp_path), torch.zeros(1000)
    folder.save_checkpoint({"weights": weights, "step": 1}, 1)
    stop = threading.Event()

    def save_on() -> None:
        for step in itertools.count(2):
            if stop.is_set():
                return
            TrialFolder(tmp_path).save_checkpoint({"weights": weights, "step": step}, step)

    orphan = threading.Thread(target=save_on)
    orphan.start()
    try:
        loaded = [folder.load_checkpoint() for _ in range(300)]
    finally:
        stop.set()
        orphan.join()
    assert all(state is not None and warnings == [] for state, warnings in loaded)


def test_a_diverged_trial_reports_the_worst_objective_and_ends(tmp_path: Path) -> None:
    (result,) = steps_to_end(Trial(config(spec("sgd", lr=1e4), tmp_path)))
    assert result["objective"] == WORST_OBJECTIVE
    assert result["outcome"]["status"] == "diverged"


def test_an_error_in_a_trial_is_a_failed_result_with_its_reason(tmp_path: Path) -> None:
    (result,) = steps_to_end(Trial(config(spec("sgd", lr=-1), tmp_path)))
    assert result["outcome"]["status"] == "failed"
    assert result["outcome"]["reason"].startswith("InputError: sgd: lr")
    assert "Traceback" in (tmp_path / "error.txt").read_text()


def test_confirmation_reads_the_test_split_once_at_the_end(tmp_path: Path) -> None:
    results = steps_to_end(Trial(config(spec("adam", test=True, lr=1e-3), tmp_path)))
    assert "test" not in str(results[0]["curve"])
    assert set(results[-1]["outcome"]["test"]) == {"test/loss", "test/accuracy"}


def test_a_misspelt_workload_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match='Did you mean "mlp/digits"'):
        trainables.get("mlp/digit")


def test_what_an_evaluation_draws_changes_nothing_of_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, drawing = fresh(spec("adam", lr=1e-3)), fresh(spec("adam", lr=1e-3))
    evaluate = drawing.workload.evaluate

    def draw_and_evaluate(*arguments: Any) -> dict[str, float]:
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
