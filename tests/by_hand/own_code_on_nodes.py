"""A sweep with code of one's own on three nodes, none of which sees the folder that the code was written in.

Run as root: ``python tests/by_hand/own_code_on_nodes.py``. Each node lives in a mount namespace where an empty folder
lies over that of the user, so that only the storage folder is shared. The sweep runs once by ``--address`` and once by
``cluster submit``; the original is edited in mid-sweep, resumed under, and at last deleted before a replay.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient

from cluster.ports import free_port
from tests.cluster.test_own_code import MINE, SWEEP
from tests.conftest import REPOSITORY, new_environment, wait_until
from trainables.mlflow_contract import Role, Tag, tagged

SCRIPTS = Path(sys.executable).parent
TRIALS = 8


@contextmanager
def three_nodes(hidden: Path, work: Path, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Addresses of a cluster's GCS and of its dashboard; its nodes end with this."""
    gcs, dashboard = free_port(), free_port()
    head = f"--head --port={gcs} --dashboard-port={dashboard} --temp-dir={work}/ray"
    worker = f"--address=127.0.0.1:{gcs}"
    processes = []
    (work / "ray").mkdir()
    for options in (head, worker, worker):
        # Ray's own folder too is each node's own, as nodes that share it delete each other's copies of a job.
        own = "" if options is head else f"mount -t tmpfs tmpfs {work}/ray && "
        start = f"{own}mount -t tmpfs tmpfs {hidden} && ls -A {hidden} | wc -l && exec {SCRIPTS}/ray start {options}"
        command = ["unshare", "--mount", "bash", "-c", f"{start} --num-cpus=1 --block --disable-usage-stats"]
        log = (work / f"node{len(processes)}.log").open("wb")
        processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))
        time.sleep(8)
    try:
        yield f"127.0.0.1:{gcs}", f"http://127.0.0.1:{dashboard}"
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=60)


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="own-code-"))
    user, storage = work / "user", work / "shared"
    user.mkdir()
    environment = {**new_environment(work), "RAY_AUTH_MODE": "token", "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}

    def adamant(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(REPOSITORY / "adamant.py"), *arguments]
        ended = subprocess.run(
            command, check=False, cwd=user, env=environment, capture_output=True, text=True, timeout=500
        )
        print(f"\n$ adamant {' '.join(arguments)}\n{(ended.stdout + ended.stderr)[-1500:]}exit {ended.returncode}")
        return ended

    def write(code: str, name: str) -> None:
        (user / "mine.py").write_text(code, encoding="utf-8")
        longer = SWEEP.replace("name: own", f"name: {name}").replace("trials: 2", f"trials: {TRIALS}")
        (user / "own.yaml").write_text(longer.replace("epochs: 3", "epochs: 30"), encoding="utf-8")

    with three_nodes(user, work, environment) as (address, dashboard):
        write(MINE, "by-address")
        command = [sys.executable, str(REPOSITORY / "adamant.py"), "run", "own.yaml", "--address", address]
        driver = subprocess.Popen(
            [*command, "--storage", str(storage)], cwd=user, env=environment, stdout=subprocess.PIPE, text=True
        )
        records = storage / "by-address" / "trials"
        wait_until(lambda: any(records.glob("**/record.json")), 180, "the first decision of a trial")
        write(MINE.replace("1 - group", "2 - group"), "by-address")
        print("edited the original in mid-sweep")
        out, _ = driver.communicate(timeout=500)
        print(out[-1500:], f"exit {driver.returncode}")
        adamant("run", "own.yaml", "--address", address, "--storage", str(storage), "--or-resume")
        adamant("resume", "by-address", "--address", address, "--storage", str(storage))

        write(MINE, "by-submit")
        adamant("cluster", "submit", "own.yaml", "--address", dashboard, "--storage", str(storage))
        adamant("cluster", "logs", "by-submit", "-f", "--address", dashboard)
        write(MINE.replace("1 - group", "2 - group"), "by-submit")
        adamant("cluster", "submit", "own.yaml", "--address", dashboard, "--storage", str(storage))
        adamant("cluster", "logs", "by-submit", "-f", "--address", dashboard)

    for file in user.iterdir():
        file.unlink()
    client = MlflowClient(f"sqlite:///{storage}/mlflow.db")
    for name in ("by-address", "by-submit"):
        experiment = client.get_experiment_by_name(f"adamant/{name}")
        assert experiment is not None
        wanted = f"{tagged(Tag.SWEEP_ROLE, Role.CONFIRM)} and {tagged(Tag.ARM, 'mine')}"
        runs = client.search_runs([experiment.experiment_id], wanted)
        nodes = {run.data.tags.get(Tag.NODE) for run in client.search_runs([experiment.experiment_id])}
        print(f"{name}: {len(runs)} confirmations of mine; nodes {nodes}")
        adamant("replay", runs[0].info.run_id, "--storage", str(storage))


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    main()
