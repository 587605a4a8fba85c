"""The sweeps of a storage folder as things: listed with their state, looked at and stopped from another terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.run._session_teller import SessionTeller
from cluster.sessions.driver_process import DriverProcess
from cluster.sessions.standing import STANDING_FILE, State, read_standing, write_standing
from cluster.storage.sweep_folder import SweepFolder
from tests.cluster.small_sweep import train_small_sweep
from tests.cluster.test_storage import new_sweep, tree
from tests.conftest import REPOSITORY, CommandLine, FrontDoor, options_of, shared_cache, wait_until


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage folder with a sweep that was cut off in its search, by a version that told nothing of it."""
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("listed") / "runs"
        patched.setenv("ADAMANT_CACHE", shared_cache(folder))
        train_small_sweep(folder, runs=3)
    return folder


def listed(command_line: CommandLine, storage: Path, *arguments: str) -> list[dict]:
    ended = command_line("sweeps", "--json", "--storage", str(storage), *arguments)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_sweep_of_which_no_driver_has_told_is_listed_from_its_studies(
    command_line: CommandLine, storage: Path
) -> None:
    before = tree(storage)
    [row] = listed(command_line, storage)
    assert (row["sweep"], row["state"], row["runs_done"], row["runs_asked"]) == ("small", "interrupted", 3, 6)
    assert row["arms"] == ["adam", "sgd"]
    assert row["best"][0]["metric"] == "val/loss"
    assert row["bytes"] > 10_000
    assert tree(storage) == before, "looking changes nothing"
    shown = command_line("sweeps", "--storage", str(storage)).stdout
    assert "small  interrupted  3/6" in shown


def test_sweeps_are_sorted_and_filtered(command_line: CommandLine, tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    other = SweepFolder(folder.storage, "t")
    other.path.mkdir()
    for name in ("manifest.json", "sweep.yaml"):
        (other.path / name).write_bytes((folder.path / name).read_bytes())
    with SessionTeller(other, other.manifest()):
        assert [row["state"] for row in listed(command_line, folder.storage, "--sort", "name")] == [
            "interrupted",
            "running",
        ]
        assert [row["sweep"] for row in listed(command_line, folder.storage, "--state", "running")] == ["t"]
        assert [row["sweep"] for row in listed(command_line, folder.storage, "[a-s]")] == ["s"]
        assert [row["sweep"] for row in listed(command_line, folder.storage)] == ["t", "s"]
    nothing = command_line("sweeps", "x*", "--storage", str(folder.storage))
    assert "there is no such sweep" in nothing.stdout


@pytest.mark.parametrize(
    ("typed", "completed"), [("status ", "small"), ("rm sm", "small"), ("resume x", ""), ("sw", "sweeps")]
)
def test_a_shell_completes_commands_and_the_names_of_sweeps(typed: str, completed: str, storage: Path) -> None:
    words = f"adamant {typed}"
    told = {"_ADAMANT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    program = "import sys; sys.argv[0] = 'adamant'; import adamant; adamant.app()"
    environment = {**os.environ, **told, "ADAMANT_STORAGE": str(storage)}
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == completed.split(), ended.stderr


def test_a_sweep_that_is_damaged_holds_up_no_other(command_line: CommandLine, tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    (folder.storage / "damaged").mkdir()
    (folder.storage / "damaged" / "manifest.json").write_text("{}")
    ended = command_line("sweeps", "--storage", str(folder.storage), "--json")
    assert ended.returncode == 0
    assert {row["sweep"]: row["state"] for row in json.loads(ended.stdout)} == {
        "s": "interrupted",
        "damaged": "unreadable",
    }
    assert "warning: damaged:" in ended.stderr
    assert "this manifest is damaged" in ended.stderr


def other_process() -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_process_that_got_the_number_of_a_driver_is_not_taken_for_it(tmp_path: Path) -> None:
    held = tmp_path / "held"
    with held.open("w"), other_process() as process:
        me = DriverProcess.current()
        assert me.is_here
        assert me.is_alive
        assert me.has_open(held)
        impostor = replace(me, pid=process.pid)
        assert not impostor.is_alive
        assert not impostor.terminate(held)
        assert process.poll() is None
        process.kill()
        process.wait()
        assert not impostor.is_alive
        assert not impostor.terminate(held)


DRIVER = """
import signal, sys, time
from cluster.ray.interruption import interrupt_on_signals
from cluster.run._session_teller import SessionTeller
from cluster.storage.sweep_folder import SweepFolder
folder = SweepFolder(sys.argv[1], "s")
interrupt_on_signals(lambda: None)
with folder.locked(), SessionTeller(folder, folder.manifest()):
    print("begun", flush=True)
    time.sleep(600)
"""


@contextmanager
def driven(folder: SweepFolder) -> Iterator[subprocess.Popen]:
    """A process that locks a sweep, tells of its session and heeds signals, as a driver does."""
    process = subprocess.Popen([sys.executable, "-c", DRIVER, str(folder.storage)], stdout=-1, stderr=-1, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def test_a_driver_that_was_killed_is_seen_as_such(command_line: CommandLine, tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    with driven(folder) as process:
        assert [row["state"] for row in listed(command_line, folder.storage)] == ["running"]
        process.kill()
    told = read_standing(folder, "s-1")
    assert told is not None
    assert told.state == State.RUNNING
    [row] = listed(command_line, folder.storage)
    assert row["state"] == "interrupted"
    assert row["reason"].startswith(f"its driver died (process {told.driver.pid} on ")
    assert (row["runs_done"], row["runs_asked"]) == (0, 8)


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (None, State.DONE, ""),
        (KeyboardInterrupt(), State.INTERRUPTED, ""),
        (OSError("the disk is full"), State.FAILED, "the disk is full"),
    ],
)
def test_a_session_tells_how_it_ended(tmp_path: Path, error: BaseException | None, state: State, reason: str) -> None:
    folder = new_sweep(tmp_path / "runs")
    for session in (1, 2):
        expected = nullcontext() if error is None else pytest.raises(type(error))
        with expected, SessionTeller(folder, folder.manifest()):
            if error is not None:
                raise error
        told = read_standing(folder, "s-1")
        assert told is not None, session
        assert (told.state, told.reason) == (state, reason)


def test_what_was_told_of_another_sweep_of_that_name_or_was_damaged_counts_as_nothing(tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    with SessionTeller(folder, folder.manifest()):
        pass
    assert read_standing(folder, "s-2") is None
    path = folder.path / STANDING_FILE
    path.write_text(path.read_text().replace("done", "gone"))
    assert read_standing(folder, "s-1") is None


def test_a_sweep_of_another_terminal_is_looked_at_and_stopped(command_line: CommandLine, tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    where = ("--storage", str(folder.storage))
    with driven(folder) as process:
        shown = command_line("status", "s", *where)
        assert shown.stdout.startswith("s: running, ")
        assert f"by process {process.pid} on " in shown.stdout
        ended = command_line("stop", "s", *where)
        assert ended.returncode == 0, ended.stderr
        assert process.wait(5) == -signal.SIGINT, "as by Ctrl-C"
        assert ended.stdout.endswith(f"Go on with: adamant resume s --storage {folder.storage}\n")
    status = json.loads(command_line("status", "s", "--json", *where).stdout)
    assert (status["state"], status["driver"]) == ("interrupted", None)
    again = command_line("stop", "s", *where)
    assert (again.returncode, again.stdout[:24]) == (0, "s: nobody works on it. G")


def test_only_a_process_that_drives_the_sweep_is_stopped(command_line: CommandLine, tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    with SessionTeller(folder, folder.manifest()) as teller, other_process() as process:
        told = read_standing(folder, "s-1")
        assert told is not None
        ticks = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19])
        for driver, refusal in (
            (replace(told.driver, pid=process.pid, began=ticks), "has not locked"),
            (replace(told.driver, machine="another", host="elsewhere"), "on elsewhere, which cannot be seen from here"),
        ):
            write_standing(folder, replace(told, driver=driver))
            ended = command_line("stop", "s", "--storage", str(folder.storage))
            assert ended.returncode == 2
            assert refusal in ended.stderr
            assert process.poll() is None
        process.kill()
        teller.fail("over")


def test_following_ends_with_the_driver_and_tells_why(command_line: CommandLine, tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    with driven(folder) as process:
        threading.Timer(2.0, process.terminate).start()
        ended = command_line("status", "s", "-f", "--storage", str(folder.storage))
    assert ended.returncode == 1
    assert ended.stdout.startswith("s: interrupted, ")
    missing = command_line("status", "ss", "--storage", str(folder.storage))
    assert missing.returncode == 2
    assert 'Did you mean "s"?' in missing.stderr


def test_a_list_of_what_drivers_have_told_loads_nothing_heavy(tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    with SessionTeller(folder, folder.manifest()):
        loaded = "import sys; print(sorted({'torch', 'ray', 'mlflow', 'optuna', 'scipy', 'pandas'} & set(sys.modules)))"
        script = f"import sys, adamant\ntry:\n    adamant.app()\nexcept SystemExit: {loaded}"
        listed = [sys.executable, "-c", script, "sweeps", "--storage", str(folder.storage)]
        ended = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "running" in ended.stdout
    assert ended.stdout.endswith("[]\n")


@pytest.mark.cluster
def test_a_running_sweep_is_listed_followed_and_stopped_from_another_terminal(shared_ray: FrontDoor) -> None:
    driver = shared_ray.start("run", "quickstart", *options_of("workload.epochs=200", "scheduler.type=none"))

    def arms() -> list[dict]:
        ended = shared_ray("status", "quickstart", "--json") if (shared_ray.runs / "quickstart").is_dir() else None
        return json.loads(ended.stdout)["arms"] if ended and ended.returncode == 0 else []

    wait_until(lambda: any(arm["running"] for arm in arms()), 240, "a trial that runs")
    [row] = json.loads(shared_ray("sweeps", "--json").stdout)
    assert (row["sweep"], row["state"], row["arms"]) == ("quickstart", "running", ["adam", "scheduled"])
    ended = shared_ray("stop", "quickstart")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("Go on with: adamant resume quickstart\n")
    assert driver.wait(30) == 130
    [row] = json.loads(shared_ray("sweeps", "--json").stdout)
    assert row["state"] == "interrupted"
