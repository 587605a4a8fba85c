"""What the machine does to a trial interrupts it, so that it goes on later; what a trial does itself fails it."""

from __future__ import annotations

import dataclasses
import multiprocessing
import threading
from pathlib import Path

import pytest

from tests.conftest import largest_file
from tests.trainables.test_data import write_idx
from tests.trainables.test_image_folder import write_tree
from tests.trainables.test_training import SCHEDULED, spec
from tests.trainables.test_trial import config, steps_to_end
from trainables.data import image_files, image_folder
from trainables.tune import _open_run
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.trial import Trial


@pytest.mark.parametrize("size", [0, 2000], ids=["no byte is written", "a part of the checkpoint is written"])
def test_a_checkpoint_that_cannot_be_written_interrupts_the_trial(tmp_path: Path, size: int) -> None:
    of = spec(**SCHEDULED)
    with largest_file(size):
        result = Trial(config(of, tmp_path)).step()
    assert result["done"]
    assert result["outcome"]["status"] == "interrupted"
    assert "File too large" in result["outcome"]["reason"]
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".pt", ".tmp")], "nothing takes up room"
    resumed = steps_to_end(Trial(config(of, tmp_path, session=2)))
    whole = steps_to_end(Trial(config(of, tmp_path / "whole")))
    assert resumed[-1]["outcome"] == whole[-1]["outcome"]


@pytest.mark.slow
def test_data_that_is_gone_interrupts_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    of = dataclasses.replace(spec("adam", lr=1e-3), workload="mlp/mnist", epochs=1, batch_size=8)
    result = Trial(config(of, tmp_path)).step()
    assert result["outcome"]["status"] == "interrupted"
    write_idx(tmp_path)
    assert Trial(config(of, tmp_path)).step()["outcome"]["status"] == "finished"


@pytest.mark.parametrize("workers", [0, 1], ids=["in the training's process", "beside it"])
def test_an_image_that_is_gone_in_mid_epoch_interrupts_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    image = write_tree(tmp_path) / "train" / "a" / "0.png"
    options = {"folder": "imagenet", "resolution": 32, "workers": workers}
    of = dataclasses.replace(
        spec("adam", lr=1e-3), workload="resnet20/imagenet", epochs=1, batch_size=4, options=options
    )

    def train(name: str) -> dict:
        return Trial({**config(of, tmp_path / name), "data_root": str(tmp_path)}).step()["outcome"]

    assert train("first")["status"] == "finished"
    # The next trial of the same process does not read all files again before it starts.
    contents = image.read_bytes()
    image.unlink()
    interrupted = train("second")
    assert interrupted["status"] == "interrupted"
    assert interrupted["reason"].startswith(f"OSError: {image}: this image cannot be read")
    image.write_bytes(contents)
    assert train("second")["status"] == "finished"


def test_a_worker_that_is_killed_ends_the_process_and_not_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine has no memory left, the system kills one of those that decode images."""
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    write_tree(tmp_path, images=60)
    options = {"folder": "imagenet", "resolution": 32, "workers": 2}
    of = dataclasses.replace(
        spec("adam", lr=1e-3), workload="resnet20/imagenet", epochs=1, batch_size=2, options=options
    )
    settings = {**config(of, tmp_path / "trial"), "data_root": str(tmp_path)}
    lost = threading.Event()

    def kill_workers() -> None:
        """All of them at once: one that has read all of its images already is not missed."""
        while not lost.wait(0.002):
            for victim in multiprocessing.active_children():
                victim.kill()

    killing = threading.Thread(target=kill_workers)
    killing.start()
    try:
        with pytest.raises(ChildProcessError, match="a process that decodes images was lost"):
            Trial(settings).step()
    finally:
        lost.set()
        killing.join()
    assert Trial(settings).step()["outcome"]["status"] == "finished"


def test_an_error_of_a_worker_that_lives_is_of_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    write_tree(tmp_path)
    split = image_folder.load(tmp_path, "imagenet").test

    def fail(*_: object) -> None:
        raise RuntimeError("killed by signal")

    monkeypatch.setattr(image_files.ImageFiles, "__getitem__", fail)
    for workers in (0, 1):
        with pytest.raises(RuntimeError, match="killed by signal"):
            list(image_files.in_order(split, 2, 16, workers))


def test_data_that_was_changed_since_the_checkpoint_interrupts_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    image = write_tree(tmp_path) / "train" / "a" / "0.png"
    of = dataclasses.replace(
        spec("adam", lr=1e-3),
        workload="resnet20/imagenet",
        batch_size=4,
        options={"folder": "imagenet", "resolution": 32},
    )
    assert not Trial(config(of, tmp_path)).step()["done"]
    image.write_bytes(image.with_name("1.png").read_bytes())
    _open_run._load_data.cache_clear()  # as in the process of another driver
    interrupted = Trial(config(of, tmp_path)).step()["outcome"]
    assert interrupted["status"] == "interrupted"
    assert "it was written by a run on other data" in interrupted["reason"]


def test_what_is_no_error_of_the_system_fails_the_trial(tmp_path: Path) -> None:
    result = Trial(config(spec("adam", lr=-1.0), tmp_path)).step()
    assert result["outcome"]["status"] == "failed"


def test_a_trial_without_memory_ends_its_process_to_be_issued_to_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrialFolder, "read_record", lambda folder: bytearray(2**62))
    with pytest.raises(MemoryError):
        Trial(config(spec(**SCHEDULED), tmp_path)).step()
