"""What the machine does to a sweep costs time and nothing else: a resume gives the result of an undisturbed sweep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.conftest import ONE_STUDY, REPOSITORY, FrontDoor, open_front_door, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.alone]

# One trial at a time, so that each suggestion knows the same results in every sweep.
SETTINGS = [
    part
    for setting in (
        "search.trials=3", "confirm.seeds=[1]", "workload={name: mlp/digits, epochs: 10, batch_size: 64}",
        "scheduler.type=none", f"resources.cpu={os.cpu_count()}", "resources.checkpoint_seconds=0.01",
    )
    for part in ("--set", setting)
]  # fmt: skip
RUN, RESUME = ("run", "quickstart", *ONE_STUDY, *SETTINGS), ("resume", "quickstart")
GO_ON = "adamant resume quickstart"


def result_of(runs: Path) -> dict[str, list]:
    """Every configuration of every study with how it ended, to the last bit."""
    storage = JournalStorage(JournalFileBackend(str(runs / "study.journal")))
    return {
        study.study_name: [
            (trial.state.name, trial.params, trial.values) for trial in storage.get_all_trials(study._study_id)
        ]
        for study in storage.get_all_studies()
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list]]:
    for door in open_front_door(tmp_path_factory.mktemp("undisturbed")):
        ended = door(*RUN)
        assert ended.returncode == 0, ended.stderr
        yield result_of(door.runs)


def wait_for_checkpoint(runs: Path, role: str, driver: subprocess.Popen) -> None:
    """Wait until this driver has saved a trial of the search, or a confirmation, that has not ended."""
    began = time.time()
    pattern = "*/confirm/*/checkpoints/*.pt" if role == "confirm" else "*/[0-9]*/checkpoints/*.pt"

    def saved() -> bool:
        for path in (runs / "quickstart" / "trials").glob(pattern):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime > began:
                    return True
        return False

    wait_until(lambda: saved() or driver.poll() is not None, 240, f"a checkpoint of the {role}")
    assert driver.poll() is None, driver.communicate()


def terminate(driver: subprocess.Popen) -> None:
    driver.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    with suppress(ProcessLookupError):
        driver.send_signal(signal.SIGHUP)  # a second signal cuts nothing off


def kill(name: str) -> Callable[[subprocess.Popen], None]:
    def carry_out(driver: subprocess.Popen) -> None:
        for process in psutil.Process(driver.pid).children():
            if process.name() == name:
                process.kill()

    return carry_out


def assert_nothing_runs(door: FrontDoor) -> None:
    client = MlflowClient(door.tracking_uri)
    # A driver that ends in its first seconds has not told MLflow of anything.
    experiments = [one.experiment_id for one in client.search_experiments()]
    assert "RUNNING" not in {run.info.status for run in client.search_runs(experiments)}
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("HOME") == door.environment["HOME"] and process.status() != "zombie":
                left.append(process)
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive


def test_whatever_ends_a_driver_says_how_to_go_on_and_changes_nothing(
    front_door: FrontDoor, undisturbed: dict[str, list]
) -> None:
    faults = [
        (RUN, terminate, 130, "Interrupted"),
        (RESUME, kill("raylet"), 1, "Ray's raylet on this machine has ended"),
        (RESUME, kill("gcs_server"), 1, "Ray's GCS server on this machine has ended"),
    ]
    for command, fault, code, sentence in faults:
        driver = front_door.start(*command)
        wait_for_checkpoint(front_door.runs, "search", driver)
        fault(driver)
        began = time.monotonic()
        out, err = driver.communicate(timeout=60)
        assert (driver.returncode, err) == (code, "")
        assert time.monotonic() - began < 20
        [told] = [line for line in out.splitlines() if sentence in line]
        assert GO_ON in told
        assert_nothing_runs(front_door)

    driver = front_door.start(*RESUME)
    assert driver.stdout is not None
    assert driver.stderr is not None
    driver.stdout.readline()
    driver.stdout.close()
    driver.stderr.close()
    assert driver.wait(240) == 0, "who reads the output no longer ends nothing"
    assert result_of(front_door.runs) == undisturbed
    assert MlflowClient(front_door.tracking_uri).get_experiment_by_name("adamant/quickstart") is not None
    assert_nothing_runs(front_door)


def test_ray_that_does_not_start_is_tried_again_and_then_told_in_one_sentence(front_door: FrontDoor) -> None:
    # Ray's sockets have no room for such a path.
    front_door.environment["RAY_TMPDIR"] = f"{front_door.folder}/{'long' * 30}"
    ended = front_door(*RUN, timeout=100)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.count("warning: Ray has not started yet") == 2
    [told] = [line for line in ended.stdout.splitlines() if line.startswith("error: ")]
    assert "Ray has not started on this machine, 3 times in a row" in told
    assert GO_ON in told
    assert_nothing_runs(front_door)
    del front_door.environment["RAY_TMPDIR"]
    driver = front_door.start(*RESUME)
    wait_for_checkpoint(front_door.runs, "search", driver)


def test_a_second_start_of_ray_serves_as_well_as_a_first(front_door: FrontDoor) -> None:
    # Ray looks for the folder of its objects when its first servers run already.
    program = """
import sys
from pathlib import Path

from cluster.ray.local_ray import start_ray

objects = Path(sys.argv[1])

def mend(told):
    print(told)
    objects.mkdir()

start_ray(mend, include_dashboard=False, num_cpus=1, _plasma_directory=str(objects))

import psutil
import ray

names = [process.name() for process in psutil.Process().children()]
print(names.count("gcs_server"), "GCS server,", names.count("raylet"), "raylet")
print("started", ray.get(ray.remote(lambda: 42).remote()))
"""
    objects = front_door.folder / "objects"
    ended = subprocess.run(
        [sys.executable, "-c", program, str(objects)], cwd=REPOSITORY, env=front_door.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    [warning, servers, started] = ended.stdout.splitlines()
    assert str(objects) in warning, "the first start failed"
    assert (servers, started) == ("1 GCS server, 1 raylet", "started 42")


class SmallDisk:
    """A file system of its own under a folder, seen by what is started here alone, which can be filled and enlarged."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir(exist_ok=True)
        self._megabytes = megabytes
        mount = f"mount -t tmpfs -o size={megabytes}m tmpfs {folder} && echo mounted && exec sleep infinity"
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "mounted\n"
        self._folder = folder
        self.path = Path(f"/proc/{self.process.pid}/root{folder}")

    @property
    def command(self) -> list[str]:
        return ["nsenter", "--target", str(self.process.pid), "--mount", f"--wdns={self._folder.parent}"]

    def fill(self) -> None:
        with (self.path / "ballast").open("ab", buffering=0) as file:
            for size in (2**20, 2**12, 1):
                with suppress(OSError):
                    while file.write(b"x" * size):
                        pass

    def enlarge(self) -> None:
        self._megabytes *= 2
        size = f"remount,size={self._megabytes}m"
        subprocess.run([*self.command, "mount", "-o", size, str(self._folder)], check=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    possible = ["unshare", "--mount", "--propagation", "private", "true"]
    if os.geteuid() != 0 or subprocess.run(possible, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs root and a mount namespace of its own")
    disk = SmallDisk(folder, megabytes)
    yield disk
    disk.process.kill()
    disk.process.communicate()


def started_on(disk: SmallDisk, door: FrontDoor, *arguments: str, **variables: str) -> subprocess.Popen:
    """A driver that sees the disk."""
    environment = {**door.environment, "ADAMANT_STORAGE": str(door.runs), **variables}
    driver = subprocess.Popen(
        [*disk.command, sys.executable, str(REPOSITORY / "adamant.py"), *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    door.started.append(driver)
    return driver


def test_no_room_for_cached_data_is_told_before_anything_is_written(front_door: FrontDoor) -> None:
    with small_disk(front_door.folder / "small", megabytes=1) as disk:
        disk.fill()
        driver = started_on(disk, front_door, *RUN, ADAMANT_CACHE=str(front_door.folder / "small" / "cache"))
        out, err = driver.communicate(timeout=240)
    assert driver.returncode == 2, out + err
    assert "the data cache cannot be written" in err
    assert not (front_door.runs / "quickstart").exists()


def test_no_room_for_ray_is_told_in_a_sentence_and_the_sweep_can_be_gone_on_with(
    front_door: FrontDoor, undisturbed: dict[str, list]
) -> None:
    place = Path(tempfile.mkdtemp(dir="/tmp"))  # a short path, in which Ray's sockets have room
    with small_disk(place, megabytes=2) as disk:
        disk.fill()
        driver = started_on(disk, front_door, *RUN, RAY_TMPDIR=str(place))
        out, err = driver.communicate(timeout=400)
    place.rmdir()
    assert driver.returncode == 1, out + err
    assert "Ray has not started on this machine" in out
    assert GO_ON in out
    assert "Traceback" not in out + err
    assert front_door(*RESUME).returncode == 0
    assert result_of(front_door.runs) == undisturbed


def test_little_shared_memory_changes_nothing(front_door: FrontDoor, undisturbed: dict[str, list]) -> None:
    with small_disk(Path("/dev/shm"), megabytes=1) as disk:
        driver = started_on(disk, front_door, *RUN)
        out, err = driver.communicate(timeout=400)
    assert driver.returncode == 0, out + err
    assert result_of(front_door.runs) == undisturbed


def test_a_full_disk_ends_the_sweep_and_after_it_is_enlarged_the_result_is_the_same(
    front_door: FrontDoor, undisturbed: dict[str, list]
) -> None:
    with small_disk(front_door.runs, megabytes=64) as disk:
        fill_and_enlarge(disk, front_door, undisturbed)


def fill_and_enlarge(small_disk: SmallDisk, front_door: FrontDoor, undisturbed: dict[str, list]) -> None:
    start = partial(started_on, small_disk, front_door)
    for command, role in ((RUN, "search"), (RESUME, "confirm")):
        driver = start(*command)
        wait_for_checkpoint(small_disk.path, role, driver)
        small_disk.fill()
        out, err = driver.communicate(timeout=60)
        assert driver.returncode == 1, err
        assert "No space left on device" in out
        assert GO_ON in out
        assert "Traceback" not in err
        states = {state for study in result_of(small_disk.path).values() for state, _, _ in study}
        assert "FAIL" not in states
        small_disk.enlarge()
    small_disk.fill()
    driver = start(*RESUME)
    out, err = driver.communicate(timeout=60)
    assert driver.returncode == 1, out
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    small_disk.enlarge()

    verdict = small_disk.path / "verdict.json"
    driver = start(*RESUME, "--json", str(front_door.runs / "verdict.json"))
    _, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, err
    assert result_of(small_disk.path) == undisturbed
    assert json.loads(verdict.read_text())
