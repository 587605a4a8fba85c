"""Links lead to where the runs are served now, and to nowhere when they are not."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from search_spaces.tracking.links import announced, served_at, ui_address
from tests.conftest import wait_until, without_privileges


@pytest.fixture
def runs(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_a_tracking_server_is_where_its_runs_are_seen() -> None:
    assert served_at("http://127.0.0.1:8080/") == "http://127.0.0.1:8080"
    assert served_at("postgresql://adamant:secret@127.0.0.1:5432/mlflow") is None


def test_a_ui_is_found_at_the_port_it_was_started_with_while_it_serves(runs: str) -> None:
    assert served_at(runs) is None
    assert ui_address(runs) == "http://127.0.0.1:5000"
    with announced(runs, 8765):
        assert served_at(runs) == ui_address(runs) == "http://127.0.0.1:8765"
        assert served_at(runs.replace("mlflow.db", "another.db")) is None
    assert served_at(runs) is None


def test_of_two_over_the_same_runs_the_first_is_named(runs: str) -> None:
    with announced(runs, 8765), announced(runs, 8767):
        assert served_at(runs) == "http://127.0.0.1:8765"
    with announced(runs, 99):
        assert served_at(runs) == "http://127.0.0.1:99"


def test_a_ui_that_was_killed_is_not_named(runs: str) -> None:
    program = f"""
import time
from search_spaces.tracking.links import announced
with announced({runs!r}, 8765):
    time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        wait_until(lambda: served_at(runs) == "http://127.0.0.1:8765", 60, "the other process")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert served_at(runs) is None


def test_a_folder_that_cannot_be_written_serves_all_the_same(tmp_path: Path) -> None:
    runs = f"sqlite:///{tmp_path / 'absent' / 'mlflow.db'}"
    with announced(runs, 8765):
        assert served_at(runs) is None
    assert not os.listdir(tmp_path)


def test_a_record_that_cannot_be_read_names_no_server() -> None:
    """Such as that of another user, whom a sweep is not to end for."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        runs = f"sqlite:///{folder}/mlflow.db"
        with announced(runs, 8765):
            for record in Path(folder).iterdir():
                record.chmod(0o600)
            with without_privileges():
                assert served_at(runs) is None


def test_a_reader_at_the_same_moment_does_not_keep_a_ui_from_being_found(runs: str, tmp_path: Path) -> None:
    record = tmp_path / ".mlflow.db.ui"
    with record.open("w") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        ending = threading.Timer(0.1, lambda: fcntl.flock(reader, fcntl.LOCK_UN))
        ending.start()
        with announced(runs, 8765):
            assert served_at(runs) == "http://127.0.0.1:8765"
        ending.join()


def test_a_record_that_is_being_written_names_no_server(runs: str, tmp_path: Path) -> None:
    with (tmp_path / ".mlflow.db.ui").open("w") as server:
        fcntl.flock(server, fcntl.LOCK_EX)
        assert served_at(runs) is None


@pytest.mark.parametrize("written", ["80@evil.example/", "80/../x", "evil", "-1", "8 0", "\x1b[2J80", ""])
def test_what_is_no_port_in_the_record_of_a_server_is_in_no_link(tmp_path: Path, written: str) -> None:
    runs = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with announced(runs, 8765):
        assert served_at(runs) == "http://127.0.0.1:8765"
        (tmp_path / ".mlflow.db.ui").write_text(written, encoding="utf-8")
        assert served_at(runs) is None
