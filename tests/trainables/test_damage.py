"""A file with one flipped bit or one block of zeros is never used for what it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from optimizers import InputError
from optimizers.files import sealed
from tests.trainables.test_training import SCHEDULED, spec
from tests.trainables.test_trial import config, steps_to_end
from trainables.data.array_cache import SPLITS, Contents, ensure_cached, open_stored
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.trial import Trial
from trainables.workloads import feature_nets

STATE: dict[str, Any] = {"weights": torch.randn(40, 25), "step": 7, "curve": [{"val/loss": 0.25, "step": 7}]}
RECORD: dict[str, Any] = {"spec": {"seed": 1}, "curve": [{"val/loss": 0.1 * i} for i in range(60)], "step": 60}


def damaged(contents: bytes, flips: int = 200) -> Iterator[bytes]:
    """With one bit flipped, spread over the whole, and with each block of 512 bytes zero, where it was not."""
    for position in np.linspace(0, 8 * len(contents) - 1, flips).astype(int).tolist():
        changed = bytearray(contents)
        changed[position // 8] ^= 1 << (position % 8)
        yield bytes(changed)
    for start in range(0, len(contents), 512):
        length = len(contents[start : start + 512])
        if any(contents[start : start + 512]):
            yield contents[:start] + bytes(length) + contents[start + length :]


def equal(state: dict[str, Any] | None) -> bool:
    return (
        state is not None
        and torch.equal(state["weights"], STATE["weights"])
        and {**state, "weights": None} == {**STATE, "weights": None}
    )


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_taken(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    folder.save_checkpoint({**STATE, "step": 3}, 3)
    folder.save_checkpoint(STATE, 7)
    newest = max(tmp_path.glob("checkpoints/*.pt"))
    whole = newest.read_bytes()
    for contents in damaged(whole):
        newest.write_bytes(contents)
        state, (warning,) = folder.load_checkpoint()
        assert state is not None
        assert state["step"] == 3
        assert f"{newest} is damaged" in warning
        aside = newest.with_suffix(".pt.damaged")
        assert aside.read_bytes() == contents
        aside.unlink()
    newest.write_bytes(whole)
    state, warnings = folder.load_checkpoint()
    assert equal(state)
    assert warnings == []


def test_a_checkpoint_of_a_version_before_is_loaded_unless_its_archive_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "step-000000007.session-1.pt"
    path.parent.mkdir()
    torch.save(STATE, path)
    whole, folder = path.read_bytes(), TrialFolder(tmp_path)
    assert equal(folder.load_checkpoint()[0])
    for contents in damaged(whole):
        path.write_bytes(contents)
        state, warnings = folder.load_checkpoint()
        assert equal(state) if state is not None else "is damaged" in warnings[0]


def test_a_damaged_record_is_set_aside(tmp_path: Path) -> None:
    folder, path = TrialFolder(tmp_path), tmp_path / "record.json"
    folder.write_record(RECORD)
    whole = path.read_bytes()
    assert folder.read_record() == ({**RECORD, "session": 1}, [])
    for contents in damaged(whole, flips=1000):
        path.write_bytes(contents)
        record, warnings = folder.read_record()
        if record is None:
            assert "record.json is damaged" in warnings[0]
            aside = tmp_path / "record.json.damaged"
            assert aside.read_bytes() == contents
            aside.unlink()
        else:  # another way to write the same number
            assert record == {**RECORD, "session": 1}


def test_what_is_damaged_later_is_set_aside_beside_what_was_before(tmp_path: Path) -> None:
    for contents in (b"{", b"[", b"("):
        (tmp_path / "record.json").write_bytes(contents)
        assert TrialFolder(tmp_path).read_record()[0] is None
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"record.json.damaged": b"{", "record.json.damaged2": b"[", "record.json.damaged3": b"("}


def test_only_a_record_with_an_outcome_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    monkeypatch.setattr(os, "fsync", waited.append)
    folder = TrialFolder(tmp_path)
    folder.write_record(RECORD)
    assert not waited
    folder.write_record({**RECORD, "outcome": {"status": "finished"}})
    assert len(waited) == 2, "the file and its folder"


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_record_that_a_power_cut_damaged_is_told_and_costs_time_alone(tmp_path: Path, share: float) -> None:
    of = spec(**SCHEDULED)
    settings = config(of, tmp_path)
    Trial(settings).step()
    path = Path(settings["folder"]) / "record.json"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    resumed = steps_to_end(Trial(config(of, tmp_path, session=2)))
    whole = steps_to_end(Trial(config(of, tmp_path / "whole")))
    assert "record.json is damaged" in resumed[0]["warnings"][0]
    assert resumed[-1]["outcome"] == whole[-1]["outcome"]


def test_a_record_of_a_version_before_is_read(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps({**RECORD, "session": 1}))
    assert TrialFolder(tmp_path).read_record() == ({**RECORD, "session": 1}, [])


def test_a_damaged_data_cache_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path))
    arrays = {split: (np.arange(90, dtype=np.uint8).reshape(30, 3), np.arange(30)) for split in SPLITS}
    folder = ensure_cached("small", "here", lambda: Contents(arrays))
    first = open_stored(folder)
    assert (first.classes, first.note) == (30, "")
    for path in folder.iterdir():
        whole = path.read_bytes()
        for contents in damaged(whole, flips=60):
            path.write_bytes(contents)
            with pytest.raises(InputError, match="this cached data set is damaged"):
                open_stored(folder)
        path.write_bytes(whole)
    again = open_stored(folder)
    assert (again.fingerprint, again.classes) == (first.fingerprint, 30)


def test_damaged_weights_of_a_feature_net_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = bytearray(feature_nets.path_of("mnist").read_bytes())
    contents[len(contents) // 2] ^= 1
    (tmp_path / "mnist.pt").write_bytes(contents)
    monkeypatch.setattr(feature_nets, "path_of", lambda name: tmp_path / f"{name}.pt")
    feature_nets.load.cache_clear()
    with pytest.raises(InputError, match="these weights are not the published ones"):
        feature_nets.load("mnist", torch.device("cpu"))


def test_a_damaged_record_that_is_found_on_writing_is_told(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    assert folder.write_record(RECORD) == []
    (tmp_path / "record.json").write_bytes(b"{}")
    (warning,) = folder.write_record(RECORD)
    assert "record.json is damaged" in warning
    assert folder.read_record() == ({**RECORD, "session": 1}, [])


def test_a_trial_tells_of_a_record_that_was_damaged_while_it_ran(tmp_path: Path) -> None:
    settings = config(spec(**SCHEDULED), tmp_path)
    trial = Trial(settings)
    assert trial.step()["warnings"] == []
    (Path(settings["folder"]) / "record.json").write_bytes(b"{}")
    (warning,) = trial.step()["warnings"]
    assert "record.json is damaged" in warning


def test_a_whole_checkpoint_that_torch_cannot_load_stays_and_interrupts_the_trial(tmp_path: Path) -> None:
    """Such as one of a newer torch."""
    contents = b"of another format"
    settings = config(spec(**SCHEDULED), tmp_path)
    name = f"step-000000007.sha256-{hashlib.sha256(contents).hexdigest()}.session-1.pt"
    path = Path(settings["folder"]) / "checkpoints" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(contents)
    outcome = Trial(settings).step()["outcome"]
    assert outcome["status"] == "interrupted"
    assert f"{path} is whole, and torch {torch.__version__} cannot load it" in outcome["reason"]
    assert path.read_bytes() == contents


@pytest.mark.parametrize(
    "forged",
    [
        {"session": "1"}, {"session": None}, {"step": "1"}, {"epoch": 1.5}, {"epoch": True}, {"curve": {}},
        {"curve": [1]}, {"spec": []}, {"outcome": "finished"}, {"train_seconds": "1"}, {"fingerprint": 7},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_of_another_shape_is_set_aside_though_its_digest_is_right(
    tmp_path: Path, forged: dict[str, object]
) -> None:
    (tmp_path / "record.json").write_text(sealed({**RECORD, "session": 1}), encoding="utf-8")
    assert TrialFolder(tmp_path).read_record()[1] == []
    (tmp_path / "record.json").write_text(sealed({**RECORD, "session": 1, **forged}), encoding="utf-8")
    record, (warning,) = TrialFolder(tmp_path).read_record()
    assert record is None
    assert "record.json is damaged" in warning
