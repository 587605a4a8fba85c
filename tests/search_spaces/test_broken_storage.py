"""Studies on a disk that is full or that has damaged them."""

from __future__ import annotations

import random
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from optimizers import InputError
from search_spaces import Sweep, parse_sweep
from search_spaces.stores._journal import WholeLines
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies, open_arms
from search_spaces.study.assignment import Outcome
from search_spaces.study.digest import canonical_lines
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


def found_in(path: Path, sweep: Sweep) -> list[str]:
    return list(canonical_lines(open_arms(open_storage(str(path)), sweep)))


@pytest.fixture
def journal(tmp_path: Path, sweep: Sweep) -> Path:
    """That of two trials which have ended, and of one that runs."""
    path = tmp_path / "study.journal"
    arms = open_arms(open_storage(str(path)), sweep)
    for arm in arms.values():
        run_one(arm)
    arms["adam"].next()
    return path


@pytest.mark.parametrize("flips", [1, 2])
def test_flipped_bits_of_a_journal_are_bad_input(journal: Path, sweep: Sweep, flips: int) -> None:
    damaged, content, chance = journal.with_name("damaged.journal"), journal.read_bytes(), random.Random(flips)
    whole, refused = found_in(journal, sweep), 0
    for _ in range(100):
        flipped = bytearray(content)
        for _ in range(flips):
            flipped[chance.randrange(len(flipped) - 1)] ^= 1 << chance.randrange(8)
        damaged.write_bytes(flipped)
        try:
            assert found_in(damaged, sweep) == whole
        except InputError:
            refused += 1
    assert refused > 80


def test_a_damaged_line_is_told_by_its_number(journal: Path, sweep: Sweep) -> None:
    lines = journal.read_text().splitlines()
    lines[2] = lines[2].replace('"op_code":', '"op_code": ', 1)
    journal.write_text("\n".join([*lines, ""]))
    assert found_in(journal, sweep), "what JSON does not tell apart is no damage"
    lines[2] = lines[2].replace("study_id", "study_ie", 1)
    journal.write_text("\n".join([*lines, ""]))
    with pytest.raises(InputError, match=r"study\.journal: this study journal is damaged .*\(line 3 of "):
        found_in(journal, sweep)


def test_a_journal_that_ends_anywhere_in_its_last_line_lacks_that_operation_alone(journal: Path, sweep: Sweep) -> None:
    content = journal.read_bytes()
    last = content[:-1].rindex(b"\n") + 1
    journal.write_bytes(content[:last])
    before = found_in(journal, sweep)
    for end in range(last, len(content)):
        journal.write_bytes(content[:end])
        assert found_in(journal, sweep) == before
        assert journal.read_bytes() == content[:last], "who writes next begins a line"


def test_a_journal_of_a_version_before_and_lines_of_other_programs_are_read(journal: Path, sweep: Sweep) -> None:
    whole = found_in(journal, sweep)
    journal.write_text(re.sub(r',"digest":"[0-9a-f]{16}"}', "}", journal.read_text()))
    assert found_in(journal, sweep) == whole
    study = optuna.load_study(study_name="broken/adam", storage=JournalStorage(JournalFileBackend(str(journal))))
    study.set_user_attr("note", "by another program")
    assert found_in(journal, sweep) == whole


def test_a_journal_is_read_by_optuna_itself(journal: Path) -> None:
    assert '"digest":' in journal.read_text()
    study = optuna.load_study(study_name="broken/adam", storage=JournalStorage(JournalFileBackend(str(journal))))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "RUNNING"]
