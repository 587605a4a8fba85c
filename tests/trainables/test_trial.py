"""The Ray Tune Trainable, without Ray: an actor calls setup, step and reset_config as here."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest
import torch

from tests.trainables.test_training import SCHEDULED, spec, without_time
from trainables import TrialSpec
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.trial import WORST_OBJECTIVE, Trial


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "data-cache"))
    torch.set_num_threads(1)


def config(of: TrialSpec, folder: Path, session: int = 1) -> dict:
    folder.mkdir(exist_ok=True)
    decisions = [2, of.epochs]
    return {
        "spec": of.to_dict(), "folder": str(folder), "session": session, "data_root": str(folder), "cpus": 1, "gpus": 0,
        "workers": 1, "accelerator": None, "checkpoint_seconds": 60.0, "trial_timeout": 3600.0, "code": None,
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
