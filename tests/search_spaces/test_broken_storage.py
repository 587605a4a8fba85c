"""Studies on a disk that is full or that has damaged them."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import InMemoryStorage
from optuna.storages.journal import JournalFileSymlinkLock

from optimizers import InputError
from search_spaces import Sweep, parse_sweep
from search_spaces.stores._journal import WholeLines
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies, open_arms
from search_spaces.study.assignment import Outcome
from tests.conftest import largest_file
from trainables.mlflow_contract import Status

SWEEP = """\
name: broken
question: What becomes of studies on a bad disk?
workload: {name: mlp/digits, epochs: 3}
baseline: adam
arms:
  adam: {optimizer: adam, space: [lr]}
  scheduled: {optimizer: moment_adam, space: [lr, beta_schedules]}
search: {method: random, trials: 9}
"""


@pytest.fixture
def sweep() -> Sweep:
    return parse_sweep(SWEEP)


def run_one(arm: ArmStudies) -> None:
    assignment = arm.next()
    assert assignment is not None
    arm.hear(assignment, {}, Outcome(Status.FINISHED, 3, 0.5))


# A journal is cut off in mid-line; a database has not even room for what it needs to undo a transaction.
@pytest.mark.parametrize(("storage", "room"), [("study.journal", 30), ("sqlite:///study.db", -(10**9))])
def test_a_full_disk_is_told_at_once_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sweep: Sweep, storage: str, room: int
) -> None:
    monkeypatch.chdir(tmp_path)
    arm = open_arms(open_storage(storage), sweep)["adam"]
    run_one(arm)
    size = Path(storage.removeprefix("sqlite:///")).stat().st_size
    began = time.monotonic()
    with largest_file(max(0, size + room)), pytest.raises(OSError, match=r"File too large|cannot be used"):
        run_one(arm)
    assert time.monotonic() - began < 60, "a full disk is not waited for"
    again = open_arms(open_storage(storage), sweep)["adam"]
    assert [outcome.status for _, outcome in again.ended()] == ["finished"]
    # Another sweep's driver has the same journal open, and writes where this one could not.
    run_one(open_arms(open_storage(storage), replace(sweep, name="another"))["adam"])
    run_one(open_arms(open_storage(storage), sweep)["adam"])


def test_a_journal_is_whole_before_anybody_else_may_write(tmp_path: Path) -> None:
    path, whole = tmp_path / "study.journal", []

    class Watched(JournalFileSymlinkLock):
        def release(self) -> None:
            whole.append(path.read_bytes().endswith(b"\n"))
            super().release()

    journal = WholeLines(str(path), lock_obj=Watched(str(path)))
    journal.append_logs([{"op_code": 0, "study_name": "one"}])
    with largest_file(path.stat().st_size + 10), pytest.raises(OSError, match="File too large"):
        journal.append_logs([{"op_code": 0, "study_name": "another"}])
    journal.append_logs([{"op_code": 0, "study_name": "two"}])
    assert all(whole)
    assert [log["study_name"] for log in journal.read_logs(0)] == ["one", "two"]


def test_an_error_of_the_storage_itself_is_told_as_it_is(sweep: Sweep) -> None:
    class Refusing(InMemoryStorage):
        def get_all_trials(self, *args: Any, **kwargs: Any) -> Any:
            raise InputError("the study storage is of another Optuna")

    with pytest.raises(InputError, match=r"^the study storage is of another Optuna$"):
        open_arms(Refusing(), sweep)


def test_flipped_bits_of_a_journal_are_bad_input(tmp_path: Path, sweep: Sweep) -> None:
    whole, damaged = tmp_path / "study.journal", tmp_path / "damaged.journal"
    for arm in open_arms(open_storage(str(whole)), sweep).values():
        run_one(arm)
    content, chance, refused = whole.read_bytes(), random.Random(0), 0
    for _ in range(60):
        flipped = bytearray(content)
        for _ in range(2):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        damaged.write_bytes(flipped)
        try:
            open_arms(open_storage(str(damaged)), sweep)
        except InputError:
            refused += 1
    assert refused > 30
