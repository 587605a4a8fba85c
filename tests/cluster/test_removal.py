"""`adamant rm`: nothing is left of a sweep, its neighbours stay as they are, and a kill leaves it whole or gone."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType

from cluster.storage.sweep_folder import DATABASE, JOURNAL, SweepFolder
from search_spaces.stores.addresses import sqlite_address
from search_spaces.stores.study_storage import open_storage
from tests.cluster.killed import killed_after
from tests.cluster.small_sweep import train_small_sweep
from tests.conftest import CommandLine, shared_cache, slow

KEPT, GONE = "kept", "small"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage folder with two sweeps."""
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("removal") / "runs"
        patched.setenv("ADAMANT_CACHE", shared_cache(folder))
        for name in (KEPT, GONE):
            train_small_sweep(folder, name=name)
    return folder


@pytest.fixture
def storage(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "runs"))


def traces(storage: Path, name: str) -> list[str]:
    """Whatever there is of a sweep."""
    found = [str(path.relative_to(storage)) for path in storage.glob("**/*") if name in path.name]
    found += [study.study_name for study in open_storage(str(storage / JOURNAL)).get_all_studies()]
    client = MlflowClient(sqlite_address(storage / DATABASE))
    experiments = client.search_experiments(ViewType.ALL)
    found += [experiment.name for experiment in experiments]
    for experiment in experiments:
        runs = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
        found += [run.data.tags.get("mlflow.note.content", "") for run in runs]
    return [trace for trace in found if name in trace]


def test_nothing_is_left_of_it_and_its_neighbour_stays(command_line: CommandLine, storage: Path) -> None:
    there = traces(storage, KEPT)
    ended = command_line("rm", GONE, "--yes", "--storage", str(storage))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"{GONE}: removed; ")
    assert traces(storage, GONE) == []
    assert traces(storage, KEPT) == there
    assert [path.name for path in (storage / ".removed").iterdir()] == [".lock"]
    checked = command_line("check", str(storage / KEPT))
    assert checked.returncode == 0, checked.stdout
    again = command_line("rm", GONE, "--yes", "--storage", str(storage))
    assert again.returncode == 2
    assert f'no sweep is called "{GONE}" here; there are {KEPT}' in again.stderr


def test_links_are_not_followed(command_line: CommandLine, storage: Path, tmp_path: Path) -> None:
    """A folder that somebody else has made may lead to what is not theirs."""
    precious = tmp_path / "precious"
    (precious / "a" / "b").mkdir(parents=True)
    (storage / ".removed").symlink_to(precious)
    assert command_line("sweeps", "--storage", str(storage)).returncode == 0
    refused = command_line("rm", GONE, "--yes", "--storage", str(storage))
    assert refused.returncode == 2
    assert "this is a link to" in refused.stderr
    (storage / ".removed").unlink()
    (storage / ".removed").mkdir()
    (storage / ".removed" / "x").symlink_to(precious)
    assert command_line("sweeps", "--storage", str(storage)).returncode == 0
    (storage / "linked").symlink_to(storage / GONE)
    assert command_line("rm", "linked", "--yes", "--storage", str(storage)).returncode == 2
    assert (precious / "a" / "b").is_dir()
    assert SweepFolder(storage, GONE).exists
    (precious / f"adamant-{GONE}").mkdir()
    (storage / "mlflow-artifacts").rename(storage / "moved")
    (storage / "mlflow-artifacts").symlink_to(precious)
    (storage / ".removed" / "x").unlink()
    assert command_line("rm", GONE, "--yes", "--storage", str(storage)).returncode == 0
    assert (precious / f"adamant-{GONE}").is_dir(), "artefacts that are elsewhere"


def test_a_planted_removal_reaches_nothing_outside_of_its_folder(
    command_line: CommandLine, storage: Path, tmp_path: Path
) -> None:
    planted = tmp_path / "planted" / ".removed" / "x" / GONE
    planted.mkdir(parents=True)
    manifest = replace(SweepFolder(storage, GONE).manifest(), storage=str(tmp_path / "planted"))
    SweepFolder(tmp_path / "planted", f".removed/x/{GONE}").keep(manifest)
    listed = command_line("sweeps", "--storage", str(tmp_path / "planted"))
    assert listed.returncode == 0
    assert "its runs are in" in listed.stderr
    assert "its studies are in" in listed.stderr
    assert "finish it with: adamant rm" in listed.stderr
    assert command_line("check", str(storage / GONE)).returncode == 0


def test_nobody_to_ask_is_no_consent(command_line: CommandLine, storage: Path) -> None:
    ended = command_line("rm", GONE, "--storage", str(storage))
    assert ended.returncode == 2
    assert "give --yes" in ended.stderr
    assert SweepFolder(storage, GONE).exists


def test_a_sweep_that_runs_is_not_removed(command_line: CommandLine, storage: Path) -> None:
    with SweepFolder(storage, GONE).locked():
        ended = command_line("rm", GONE, "--yes", "--storage", str(storage))
    assert ended.returncode == 2
    assert "another adamant is running this sweep" in ended.stderr
    assert SweepFolder(storage, GONE).exists


IMPORTS = """
import shutil
from pathlib import Path
import mlflow
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from optuna.storages import JournalStorage
from cluster.inventory.removal import remove
from cluster.storage.sweep_folder import SweepFolder
"""
CALLS = """[
    (Path, "rename"), (Path, "unlink"), (Path, "mkdir"), (shutil, "rmtree"), (mlflow.MlflowClient, "delete_run"),
    (mlflow.MlflowClient, "delete_experiment"), (SqlAlchemyStore, "_hard_delete_run"),
    (SqlAlchemyStore, "_hard_delete_experiment"), (JournalStorage, "delete_study"),
]"""


@pytest.mark.parametrize("calls", [*map(slow, (0, 2, 3)), 8, *map(slow, (14, 19, 21)), 23])
def test_a_killed_removal_has_done_nothing_or_is_finished_by_the_next_command(
    calls: int, command_line: CommandLine, storage: Path
) -> None:
    killed_after(calls, IMPORTS, CALLS, f"remove(SweepFolder(sys.argv[1], {GONE!r}))", str(storage))
    whole = SweepFolder(storage, GONE).exists
    listed = command_line("sweeps", "--json", "--storage", str(storage))
    assert listed.returncode == 0, listed.stderr
    assert (f'"{GONE}"' in listed.stdout) == whole
    if whole:
        checked = command_line("check", str(storage / GONE))
        assert checked.returncode == 0, checked.stdout
    else:
        assert "was cut off, and is finished now" in listed.stderr
        assert traces(storage, GONE) == []
    assert command_line("check", str(storage / KEPT)).returncode == 0


def test_runs_that_cannot_be_read_keep_the_sweep_whole(command_line: CommandLine, storage: Path) -> None:
    database = storage / DATABASE
    database.rename(storage / "elsewhere.db")
    database.write_bytes(b"no database" * 1000)
    ended = command_line("rm", GONE, "--yes", "--storage", str(storage))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "mlflow.db" in ended.stderr
    assert SweepFolder(storage, GONE).exists
    os.replace(storage / "elsewhere.db", database)
    assert command_line("rm", GONE, "--yes", "--storage", str(storage)).returncode == 0
