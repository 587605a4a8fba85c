"""`adamant export|import`: on the other side everything is there, and a file that was tampered with changes nothing."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.storage.sweep_folder import JOURNAL, SweepFolder
from cluster.transfer.archive import ABOUT, STUDIES, carried
from tests.cluster.killed import killed_after
from tests.cluster.small_sweep import train_small_sweep
from tests.cluster.test_storage import tree
from tests.conftest import REPOSITORY, CommandLine, shared_cache, slow

NAME, HALF = "small", "half"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage folder with a sweep that is done, and one that was cut off."""
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("transfer") / "runs"
        patched.setenv("ADAMANT_CACHE", shared_cache(folder))
        train_small_sweep(folder, name=NAME)
        train_small_sweep(folder, name=HALF, runs=3)
    return folder


@pytest.fixture(scope="module")
def archives(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    for name in (NAME, HALF):
        command = ["export", name, "--out", str(folder / f"{name}.zip"), "--storage", str(recorded)]
        ended = adamant(*command)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.startswith(f"{folder / name}.zip: {name}, ")
    return folder


def adamant(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "adamant.py"), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", [NAME, HALF])
def test_all_of_it_is_there_on_the_other_side(
    name: str, command_line: CommandLine, recorded: Path, archives: Path, tmp_path: Path
) -> None:
    there = json.loads(command_line("check", str(recorded / name), "--json").stdout)
    storage = tmp_path / "other" / "runs"
    ended = command_line("import", str(archives / f"{name}.zip"), "--storage", str(storage))
    assert ended.returncode == 0, ended.stderr
    shown = {path.name for path in storage.iterdir() if not path.name.startswith(".")}
    assert shown == {"mlflow-artifacts", "mlflow.db", name, "study.journal"}
    here = json.loads(command_line("check", str(storage / name), "--json").stdout)
    assert here == there
    again = command_line("import", str(archives / f"{name}.zip"), "--storage", str(storage))
    assert again.returncode == 2
    assert f'there is a sweep "{name}"' in again.stderr


def test_its_report_is_the_same_and_its_runs_are_replayed(
    command_line: CommandLine, recorded: Path, archives: Path, tmp_path: Path
) -> None:
    storage = tmp_path / "other" / "runs"
    assert command_line("import", str(archives / f"{NAME}.zip"), "--storage", str(storage)).returncode == 0
    reports = []
    for where in (recorded, storage):
        out = tmp_path / f"report-{len(reports)}"
        ended = command_line("report", NAME, "--storage", str(where), "--out", str(out))
        assert ended.returncode == 0, ended.stderr
        reports.append(json.loads((out / "report.json").read_text()))
    told = [(report["digest"], report["arms"]) for report in reports]
    assert told[0] == told[1]
    replayed = command_line("replay", f"{NAME}/adam/confirm/0", "--storage", str(storage))
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "equal" in replayed.stdout


def test_studies_of_that_name_that_are_there_are_left_alone(
    command_line: CommandLine, recorded: Path, archives: Path, tmp_path: Path
) -> None:
    storage = tmp_path / "runs"
    storage.mkdir()
    shutil.copy(recorded / JOURNAL, storage / JOURNAL)
    before = (storage / JOURNAL).read_bytes()
    ended = command_line("import", str(archives / f"{NAME}.zip"), "--storage", str(storage))
    assert ended.returncode == 2
    assert f'holds a sweep "{NAME}" already' in ended.stderr
    assert (storage / JOURNAL).read_bytes() == before
    assert not SweepFolder(storage, NAME).exists


def test_no_path_and_no_name_of_a_machine_is_in_it(archives: Path, recorded: Path) -> None:
    with zipfile.ZipFile(archives / f"{NAME}.zip") as archive:
        for name in archive.namelist():
            assert str(recorded).encode() not in archive.read(name), name
        assert not any("manifest.json" in name or "standing" in name for name in archive.namelist())


def changed(archive: Path, to: Path, change: Callable[[zipfile.ZipFile], None], without: str = "") -> Path:
    """The archive without a file, and with what ``change`` adds."""
    with zipfile.ZipFile(archive) as before, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as after:
        for entry in before.infolist():
            if entry.filename != without:
                after.writestr(entry, before.read(entry))
        change(after)
    return to


def link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("sweep/trials/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


def about(**told: object) -> Callable[[zipfile.ZipFile], None]:
    given = {"format": 1, "name": NAME, "sweep_id": "small", "session": 1, "digest": "0" * 64, "adamant": "0"}
    return lambda archive: archive.writestr(ABOUT, json.dumps({**given, **told}))


@pytest.mark.parametrize(
    ("change", "without", "told"),
    [
        (lambda archive: archive.writestr("sweep/../../outside", "x"), "", "is not a file of a sweep"),
        (lambda archive: archive.writestr("/etc/outside", "x"), "", "is not a file of a sweep"),
        (lambda archive: archive.writestr("sweep/..\\outside", "x"), "", "is not a file of a sweep"),
        (link, "", "is not a file of a sweep"),
        (lambda archive: archive.writestr("sweep/bomb", bytes(10**8)), "", "is not a file of a sweep"),
        (lambda archive: None, ABOUT, "this is no sweep that `adamant export` has written"),
        (lambda archive: None, "sweep/sweep.yaml", "sweep.yaml: this file is missing"),
        (about(), ABOUT, "what the archive holds is not what it says of it"),
        (about(name="../x"), ABOUT, "this is no sweep that `adamant export` has written"),
        (about(sweep_id="x' OR 1"), ABOUT, "this is no sweep that `adamant export` has written"),
        (about(format=2), ABOUT, "this is no sweep that `adamant export` has written"),
        (lambda archive: archive.writestr(STUDIES, "no journal"), STUDIES, "study.journal"),
        (lambda archive: archive.writestr("sweep/code/mine.py", "print()"), "", "it brings code (sweep/code/mine.py)"),
        (lambda archive: archive.writestr("sweep/./code/mine.py", "print()"), "", "is not a file of a sweep"),
        (lambda archive: archive.writestr("sweep//code/mine.py", "print()"), "", "is not a file of a sweep"),
    ],
)
def test_an_archive_that_was_tampered_with_changes_nothing(
    change: Callable[[zipfile.ZipFile], None],
    without: str,
    told: str,
    command_line: CommandLine,
    archives: Path,
    tmp_path: Path,
) -> None:
    spoilt = changed(archives / f"{NAME}.zip", tmp_path / "spoilt.zip", change, without)
    ended = command_line("import", str(spoilt), "--storage", str(tmp_path / "runs"))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert told in ended.stderr
    assert [path for path in tree(tmp_path / "runs") if ".lock" not in str(path) and "/." not in str(path)] == []
    assert not (tmp_path / "outside").exists()


def test_an_archive_is_not_written_into_the_sweep_that_it_is_of(command_line: CommandLine, recorded: Path) -> None:
    ended = command_line("export", NAME, "--out", str(recorded / NAME / "x.zip"), "--storage", str(recorded))
    assert ended.returncode == 2
    assert "this is in the folder of the sweep itself" in ended.stderr
    assert not (recorded / NAME / "x.zip").exists()


def test_an_archive_does_not_decide_of_which_sweep_a_run_is() -> None:
    tags = {"sweep.id": "another", "trial.id": "x", "mlflow.note.content": "<b>", "versions": "torch 2.14.1"}
    assert carried(tags) == {"versions": "torch 2.14.1"}


def test_any_other_file_is_refused(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no archive")
    for path in (tmp_path / "text.zip", tmp_path / "missing.zip", tmp_path):
        ended = command_line("import", str(path), "--storage", str(tmp_path / "runs"))
        assert ended.returncode == 2
        assert "this is no sweep" in ended.stderr


IMPORTS = """
from pathlib import Path
import optuna
from cluster.run.sweeps import Places
from cluster.tracking.tracker import Tracker
from cluster.transfer.importing import import_sweep
"""
CALLS = '[(Path, "rename"), (Path, "unlink"), (optuna, "copy_study"), (Tracker, "end"), (Tracker, "log")]'
COMMAND = "import_sweep(Path(sys.argv[1]), Places(sys.argv[2]), trusted=False)"


@pytest.mark.parametrize("calls", [0, *map(slow, (1, 2, 4)), 7, *map(slow, (10, 14, 18)), 22, slow(24), slow(26)])
def test_a_killed_import_has_done_nothing_or_is_finished_by_the_next_command(
    calls: int, command_line: CommandLine, archives: Path, tmp_path: Path, recorded: Path
) -> None:
    storage = tmp_path / "runs"
    killed_after(calls, IMPORTS, CALLS, COMMAND, str(archives / f"{NAME}.zip"), str(storage))
    listed = command_line("sweeps", "--json", "--storage", str(storage))
    assert listed.returncode == 0
    if not SweepFolder(storage, NAME).exists:
        assert json.loads(listed.stdout) == []
        assert command_line("import", str(archives / f"{NAME}.zip"), "--storage", str(storage)).returncode == 0
    checked = command_line("check", str(storage / NAME), "--json")
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout) == json.loads(command_line("check", str(recorded / NAME), "--json").stdout)
