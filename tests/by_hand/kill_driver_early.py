"""Kill a driver at many moments of its first seconds in a new storage folder, and run the next sweep there.

Takes some minutes. Run from the repository: ``python tests/by_hand/kill_driver_early.py [MOMENTS [SECONDS]]``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SWEEP = ["quickstart", "--set", "search.trials=1", "--set", "confirm.seeds=[1]", "--set", "workload.epochs=2"]
SWEEP += ["--set", "scheduler.type=none", "--set", "search.studies=1"]


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    """Start ``adamant run`` in a process group of its own."""
    home = {"HOME": str(folder), "RAY_AUTH_TOKEN_PATH": str(folder / "token"), "ADAMANT_CACHE": str(folder / "cache")}
    (folder / "token").write_text("0" * 64)
    return subprocess.Popen(
        [sys.executable, str(REPOSITORY / "adamant.py"), "run", *SWEEP, "--set", f"name={name}"],
        cwd=folder, env={**os.environ, **home}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def main(moments: int, seconds: float) -> int:
    """Print a line for each moment, and return how many of the next sweeps did not end well."""
    failed = 0
    print("killed after | left in the storage folder | next sweep", flush=True)
    for number in range(1, moments + 1):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            folder, moment = Path(name), seconds * number / moments
            killed = start(folder, "killed")
            time.sleep(moment)
            os.killpg(killed.pid, signal.SIGKILL)
            killed.communicate()
            left = sorted(path.name for path in (folder / "adamant-runs").glob("*"))
            following = start(folder, "next")
            told = following.communicate(timeout=400)[0]
            failed += following.returncode != 0
            last = "" if following.returncode == 0 else f": {told[-300:]}"
            print(f"{moment:5.2f} s | {', '.join(left) or 'nothing'} | exit {following.returncode}{last}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(int((sys.argv[1:] or ["20"])[0]), float((sys.argv[2:] or ["15"])[0])))
