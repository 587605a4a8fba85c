"""What keeps a driver going on a head, with programs that stand in for it; the real thing is in test_jobs.py."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.launch.clusters import _running
from optimizers import InputError
from tests.conftest import REPOSITORY

# Notes that it began, and dies as from a lack of memory.
DYING = "import os, signal; print('began', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
JOB = """
import sys
from pathlib import Path
from cluster import job
job.PAUSE_S = float(sys.argv[1])
job.MOST_DEATHS = 2
job.SOURCE_ROOT = Path(sys.argv[2])
sys.exit(job.main([]))
"""


def job(folder: Path, pause: float, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """A job whose front door stands in a folder."""
    (folder / "adamant.py").write_text(DYING)
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(pause), str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "HOME": str(folder), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_one_that_goes_on_dying_is_given_up(tmp_path: Path) -> None:
    out, err = (process := job(tmp_path, 0.01)).communicate(timeout=30)
    assert process.returncode == 1
    assert out.count("began") == 3
    assert "error: 3 drivers died within an hour, the last one by SIGKILL" in err


def test_a_job_that_is_stopped_starts_no_other_driver(tmp_path: Path) -> None:
    process = job(tmp_path, 2.0)
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    assert "another one goes on" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "began" not in out


def test_a_driver_begins_when_its_services_answer(tmp_path: Path) -> None:
    with socket.socket() as service:
        service.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{service.getsockname()[1]}"
        process = job(tmp_path, 0.1, {"ADAMANT_TRACKING_URI": address})
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"Nothing answers at {address.removeprefix('http://')}")
        service.listen()
        out, _ = process.communicate(timeout=30)
    assert out.count("began") == 3


def test_a_tunnel_is_not_taken_for_whatever_else_listens_there() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} of this machine is taken"), _running(["false"], port, "lab"):
            pass
    with pytest.raises(InputError, match="lab: its head is not reached"), _running(["false"], port, "lab"):
        pass
