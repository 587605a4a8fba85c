"""A storage folder that somebody else has made: nothing in it hangs a command, fills the memory or hides others."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.sessions.standing import STANDING_FILE
from cluster.storage.sweep_folder import JOURNAL
from optimizers.files import sealed
from search_spaces.stores.journal_lines import MOST_SEARCHED
from tests.cluster.small_sweep import train_small_sweep
from tests.conftest import CommandLine, shared_cache


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("hostile") / "runs"
        patched.setenv("ADAMANT_CACHE", shared_cache(folder))
        for name in ("small", "other"):
            train_small_sweep(folder, name=name)
    return folder


@pytest.fixture
def storage(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "runs"))


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def depth(path: Path) -> None:
    path.write_text('{"digest": "0", "x": ' + "[" * 100_000 + "]" * 100_000 + "}")


def types(path: Path) -> None:
    path.write_text(sealed({"sweep_id": 5, "driver": {"pid": "../1"}, "arms": 7, "curve": 1, "spec": [], "state": {}}))


@pytest.mark.parametrize("spoil", [pipe, device, depth, types])
@pytest.mark.parametrize("file", [STANDING_FILE, "report/report.json", "manifest.json", "sweep.yaml"])
def test_one_folder_hides_no_other(
    spoil: Callable[[Path], None], file: str, command_line: CommandLine, storage: Path
) -> None:
    path = storage / "small" / file
    path.parent.mkdir(exist_ok=True)
    spoil(path)
    ended = command_line("sweeps", "--json", "--storage", str(storage))
    assert ended.returncode == 0, ended.stderr
    assert {row["sweep"] for row in json.loads(ended.stdout)} >= {"other"}
    assert "Traceback" not in ended.stderr
    told = command_line("status", "small", "--storage", str(storage))
    assert told.returncode in (0, 2), told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("spoil", [pipe, device, depth, types])
def test_a_record_that_is_none_is_named(
    spoil: Callable[[Path], None], command_line: CommandLine, storage: Path
) -> None:
    spoil(storage / "small" / "trials" / "adam" / "0" / "record.json")
    ended = command_line("check", str(storage / "small"))
    assert ended.returncode == 1, ended.stderr
    assert "its record is damaged" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_a_long_damaged_line_of_a_journal_takes_no_time(command_line: CommandLine, storage: Path) -> None:
    journal = storage / JOURNAL
    journal.write_bytes(journal.read_bytes() + (b'{"op_code":' + b"7" * 50 * MOST_SEARCHED + b"\n") * 50)
    began = time.process_time()
    ended = command_line("check", str(storage / "small"))
    assert time.process_time() - began < 20
    assert "is damaged" in ended.stdout
