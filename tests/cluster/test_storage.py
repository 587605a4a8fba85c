"""A storage folder that is moved, copied or oddly named; and one of which a part is gone."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

import trainables
from cluster.storage.locations import absolute
from cluster.storage.recorded import check_no_copy, check_recorded, check_same_data
from cluster.storage.sweep_folder import Manifest, SweepFolder
from optimizers import InputError
from search_spaces import parse_sweep
from search_spaces.stores.addresses import sqlite_address, sqlite_path
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import open_arms
from search_spaces.study.assignment import Outcome
from search_spaces.tracking.artifact_addresses import correct_addresses, readable_database
from tests.conftest import FrontDoor, without_privileges
from trainables.mlflow_contract import Status, Tag
from trainables.tune.checkpoint import TrialFolder

NAMES = ["moved", "my runs #3 50% ü", "q?x=1", "a%20b", "semi;colon&amp", ":memory:"]
SWEEP = """
name: s
workload: {name: mlp/digits, epochs: 1}
metric: {name: val/loss, goal: minimize}
baseline: adam
arms: {adam: {optimizer: adam, space: [lr]}}
search: {method: random, trials: 3}
"""


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time of change."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def new_sweep(storage: Path, **locations: str) -> SweepFolder:
    """A sweep that has begun and recorded nothing, with its default locations where none are given."""
    folder = SweepFolder(storage, "s")
    folder.path.mkdir(parents=True)
    manifest = Manifest(
        sweep_id="s-1",
        tracking_uri=locations.get("tracking_uri", sqlite_address(folder.storage / "mlflow.db")),
        study_storage=locations.get("study_storage", str(folder.storage / "study.journal")),
        data_root=locations.get("data_root", str(folder.storage / "data")),
    )
    folder.create(parse_sweep(SWEEP, "s.yaml"), manifest)
    return folder


def write_old_manifest(folder: SweepFolder, **locations: str) -> None:
    """A manifest with absolute locations, which does not name its storage folder."""
    kept = {
        "sweep_id": "s-1",
        "tracking_uri": f"sqlite:///{folder.storage}/mlflow.db",
        "study_storage": f"{folder.storage}/study.journal",
        "data_root": f"{folder.storage}/data",
        "session": 2,
    }
    (folder.path / "manifest.json").write_text(json.dumps({**kept, **locations}))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("old", [False, True], ids=["relative", "absolute"])
def test_locations_in_a_storage_follow_it(tmp_path: Path, name: str, old: bool) -> None:
    folder = new_sweep(tmp_path / "before", data_root="/somewhere/data")
    if old:
        write_old_manifest(folder, data_root="/somewhere/data")
    (folder.storage / "mlflow.db").touch()
    (folder.storage / "study.journal").touch()
    folder.storage.rename(tmp_path / name)
    moved = SweepFolder(tmp_path / name, "s").manifest()
    assert sqlite_path(moved.tracking_location) == tmp_path / name / "mlflow.db"
    assert moved.study_location == str(tmp_path / name / "study.journal")
    assert moved.data_root == "/somewhere/data"
    assert moved.storage == str(tmp_path / "before")


def test_a_manifest_names_nothing_below_its_storage_absolutely(tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "a?b")
    kept = json.loads((folder.path / "manifest.json").read_text())
    assert kept.pop("storage") == str(tmp_path / "a?b")
    assert not [value for value in kept.values() if str(tmp_path) in str(value)]


def test_a_sweep_has_one_driver_at_a_time(tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    with folder.locked(), pytest.raises(InputError, match="another adamant is running this sweep"):  # noqa: SIM117
        with SweepFolder(folder.storage, "s").locked():
            pass
    with SweepFolder(folder.storage, "s").locked():
        pass


def test_locations_elsewhere_stay_where_they_are(tmp_path: Path) -> None:
    folder = new_sweep(tmp_path / "runs")
    elsewhere = {"tracking_uri": f"sqlite:///{tmp_path}/x/mlflow.db", "study_storage": f"{tmp_path}/x/study.journal"}
    write_old_manifest(folder, **elsewhere, data_root="/somewhere/data")
    opened = folder.manifest()
    assert (opened.tracking_uri, opened.study_storage) == tuple(elsewhere.values())


def test_a_copied_sweep_without_its_storage_does_not_reach_into_the_original(tmp_path: Path) -> None:
    original = new_sweep(tmp_path / "runs")
    write_old_manifest(original)
    shutil.copytree(original.path, tmp_path / "copy" / "s")
    copy = SweepFolder(tmp_path / "copy", "s").manifest()
    assert copy.study_location == str(tmp_path / "copy" / "study.journal")


def test_a_copy_that_shares_a_database_with_its_original_is_refused(tmp_path: Path) -> None:
    original = new_sweep(tmp_path / "runs", study_storage="postgresql://me:secret@db/optuna")
    check_no_copy(original, original.manifest())
    shutil.copytree(original.storage, tmp_path / "copy")
    copy = SweepFolder(tmp_path / "copy", "s")
    with pytest.raises(
        InputError, match=r"is a copy of .*runs/s, and the studies of both are in postgresql://me:\*\*\*"
    ):
        check_no_copy(copy, copy.manifest())
    original.storage.rename(tmp_path / "away")
    check_no_copy(copy, copy.manifest())


def test_an_address_is_encoded_only_where_it_must_be() -> None:
    assert sqlite_address("/runs/mlflow.db") == "sqlite:////runs/mlflow.db"
    odd = sqlite_address("/a?b/mlflow.db")
    assert odd == "sqlite+pysqlite:////a%3Fb/mlflow.db"
    assert sqlite_address("/runs/mlflow.db", odd) == "sqlite:////runs/mlflow.db"


def test_addresses_of_files_keep_their_options(tmp_path: Path) -> None:
    assert absolute(f"sqlite:///{tmp_path}/x/../m.db?timeout=30") == f"sqlite:///{tmp_path}/m.db?timeout=30"
    assert absolute("postgresql://me@db/optuna") == "postgresql://me@db/optuna"


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A storage folder with a run that has an artefact and a note, and the run's id."""
    storage = tmp_path_factory.mktemp("tracked") / "my runs"
    storage.mkdir()
    client = MlflowClient(sqlite_address(storage / "mlflow.db"))
    experiment = client.create_experiment("adamant/s", (storage / "mlflow-artifacts" / "adamant-s").as_uri())
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, "hello", "f.txt")
    client.set_tag(run_id, Tag.NOTE, shlex.join(["adamant", "replay", run_id, "--storage", str(storage)]))
    return storage, run_id


@pytest.mark.parametrize("name", NAMES)
def test_artifacts_are_found_in_a_copy_and_nothing_is_written_elsewhere(
    tracked: tuple[Path, str], tmp_path: Path, name: str
) -> None:
    storage, run_id = tracked
    before = tree(storage)
    copy = tmp_path / "holds" / name
    shutil.copytree(storage, copy)
    (copy / "mlflow-artifacts" / "adamant-s" / run_id / "artifacts" / "f.txt").write_text("of the copy")
    client = MlflowClient(readable_database(sqlite_address(copy / "mlflow.db")))
    assert Path(client.download_artifacts(run_id, "f.txt", str(tmp_path))).read_text() == "of the copy"
    run, experiment = client.get_run(run_id), client.get_experiment_by_name("adamant/s")
    assert experiment is not None
    assert experiment.artifact_location == (copy / "mlflow-artifacts" / "adamant-s").as_uri()
    assert run.info.artifact_uri == f"{experiment.artifact_location}/{run_id}/artifacts"
    assert run.data.tags[Tag.NOTE] == shlex.join(["adamant", "replay", run_id, "--storage", str(copy)])
    assert tree(storage) == before
    assert [path.name for path in copy.parent.iterdir()] == [name]


def test_artifacts_of_other_sweeps_in_a_database_elsewhere_stay(tracked: tuple[Path, str], tmp_path: Path) -> None:
    storage, _ = tracked
    copy = tmp_path / "copy"
    shutil.copytree(storage, copy)
    address = sqlite_address(copy / "mlflow.db")
    correct_addresses(address, copy / "mlflow-artifacts", "adamant/another")
    experiment = MlflowClient(address).get_experiment_by_name("adamant/s")
    assert experiment is not None
    assert experiment.artifact_location == (storage / "mlflow-artifacts" / "adamant-s").as_uri()


def test_a_moved_storage_that_cannot_be_written_is_read(tracked: tuple[Path, str]) -> None:
    with without_privileges():
        if not os.path.exists(mlflow.__file__):
            pytest.skip("MLflow is installed in a folder that only its owner may enter")
    storage, run_id = tracked
    copy = Path("/tmp") / f"adamant-read-only-{os.getpid()}"
    shutil.copytree(storage, copy)
    try:
        before = tree(copy)
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with without_privileges():
            client = MlflowClient(readable_database(sqlite_address(copy / "mlflow.db")))
            assert Path(client.download_artifacts(run_id, "f.txt")).read_text() == "hello"
            assert str(copy) in str(client.get_run(run_id).info.artifact_uri)
        assert tree(copy) == before
    finally:
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(copy)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no runs here yet"):
        readable_database(sqlite_address(tmp_path / "x" / "mlflow.db"))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def trained(tmp_path: Path) -> SweepFolder:
    """A sweep with two trials that have ended."""
    folder = new_sweep(tmp_path / "runs")
    sweep, manifest = folder.open()
    arm = open_arms(open_storage(manifest.study_location), sweep)["adam"]
    for _ in range(2):
        assignment = arm.next()
        assert assignment is not None
        (folder.make_trial(assignment.trial_id) / "record.json").write_text("{}")
        arm.hear(assignment, {}, Outcome(Status.FINISHED, 1, 0.5))
    return folder


def checked(folder: SweepFolder) -> list[str]:
    """What is told of the records; looking at them makes nothing."""
    before = tree(folder.storage)
    try:
        return check_recorded(folder, *folder.open())
    finally:
        assert tree(folder.storage) == before


def test_a_sweep_that_is_whole_is_gone_on_with(trained: SweepFolder) -> None:
    assert checked(trained) == []


def test_a_sweep_that_recorded_nothing_yet_is_gone_on_with(tmp_path: Path) -> None:
    assert checked(new_sweep(tmp_path / "runs")) == []


@pytest.mark.parametrize("what", ["study.journal", "s/trials", "s/sweep.yaml"])
def test_what_is_missing_of_a_sweep_is_named(trained: SweepFolder, what: str) -> None:
    (trained.storage / what).rename(trained.storage / "away")
    with pytest.raises(InputError, match=what):
        checked(trained)


def test_all_missing_parts_are_named_at_once(trained: SweepFolder) -> None:
    trained.artifacts_of_sweep.mkdir(parents=True)
    (trained.storage / "study.journal").unlink()
    with pytest.raises(InputError, match=r"the runs, .*mlflow\.db; the studies, .*study\.journal"):
        checked(trained)


def test_an_empty_study_is_not_begun_again(trained: SweepFolder) -> None:
    (trained.storage / "study.journal").write_text("")
    with pytest.raises(InputError, match=r"missing: the studies, .*study\.journal"):
        checked(trained)


def test_a_study_that_is_older_than_the_trials_is_refused(trained: SweepFolder) -> None:
    (trained.make_trial("adam/2") / "record.json").write_text("{}")
    with pytest.raises(InputError, match=r"older than the trials in .*: it does not know adam/2\."):
        checked(trained)


def test_a_lost_record_is_told(trained: SweepFolder) -> None:
    shutil.rmtree(trained.trial("adam/1"))
    assert checked(trained) == [f"1 of 2 trials that have ended have no record in {trained.trials}"]


def test_a_storage_that_was_moved_away_is_not_made_anew(trained: SweepFolder) -> None:
    trained.storage.rename(trained.storage.with_name("moved"))
    with pytest.raises(FileNotFoundError, match="if its storage folder was moved, name the new one"):
        trained.make_trial("adam/2")
    assert not trained.storage.exists()


@pytest.mark.parametrize("position", [30, 400, -20])
def test_a_flipped_bit_in_a_journal_is_one_sentence(trained: SweepFolder, position: int) -> None:
    path = trained.storage / "study.journal"
    content = bytearray(path.read_bytes())
    content[position] ^= 128
    path.write_bytes(content)
    with pytest.raises(InputError, match="this study journal is damaged"):
        checked(trained)


@pytest.mark.parametrize("what", ["manifest.json", "sweep.yaml"])
def test_a_flipped_bit_in_what_a_sweep_asks_is_never_used(trained: SweepFolder, what: str) -> None:
    path = trained.path / what
    content, before, refused = path.read_bytes(), trained.open(), 0
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 7
        path.write_bytes(damaged)
        try:
            sweep, manifest = trained.open()
            assert (sweep.file.plain(), manifest) == (before[0].file.plain(), before[1])
        except InputError:
            refused += 1
    assert refused > len(content) // 7 * 3 // 4
    path.write_bytes(content)


def test_a_recorded_sweep_that_was_edited_on_purpose_is_read_without_its_first_line(trained: SweepFolder) -> None:
    path = trained.path / "sweep.yaml"
    edited = path.read_text().replace("trials: 3", "trials: 4")
    path.write_text(edited)
    with pytest.raises(InputError, match=r"sweep\.yaml: this file is damaged, or was edited .* delete that line"):
        trained.open()
    path.write_text(edited.partition("\n")[2])
    assert trained.open()[0].search.trials == 4


@pytest.mark.cluster
def test_a_copy_with_an_odd_name_is_resumed_and_trains_nothing_twice(
    recorded: tuple[FrontDoor, str], tmp_path: Path
) -> None:
    door, _ = recorded
    copy = tmp_path / "my ?%20 runs #3 ü"
    shutil.copytree(door.runs, copy)
    original, records = tree(door.runs), tree(copy / "recorded" / "trials")
    resumed = door("resume", "recorded", "--storage", str(copy))
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    reported = door("report", "recorded", "--storage", str(copy))
    assert reported.returncode == 0, reported.stderr
    assert tree(copy / "recorded" / "trials") == records
    assert tree(door.runs) == original
    assert [path.name for path in tmp_path.iterdir()] == [copy.name]


def test_data_other_than_that_of_the_trials_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    text = tmp_path / "data" / "words" / "a.txt"
    text.parent.mkdir(parents=True)
    text.write_text("one two three four five\n" * 60)
    folder = new_sweep(tmp_path / "runs")
    words = SWEEP.replace("mlp/digits, epochs: 1", "lstm/text, epochs: 1, options: {folder: words}")
    sweep = folder.replace(parse_sweep(words, "s.yaml"))
    data = trainables.get("lstm/text").load_data(tmp_path / "data", sweep.workload.options)
    TrialFolder(folder.make_trial("adam/0")).write_record({"spec": {}, "fingerprint": data.fingerprint})
    check_same_data(folder, sweep, tmp_path / "data")
    text.touch()
    check_same_data(folder, sweep, tmp_path / "data")
    text.write_text("one two three four six\n" * 60)
    with pytest.raises(InputError, match="the data of lstm/text is not that on which the trials of s were trained"):
        check_same_data(folder, sweep, tmp_path / "data")
