"""`adamant check SWEEP`: what is not as it should be is found wherever it is, and mended without losing anything."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from cluster.audit.audit import Audit, audit
from cluster.audit.audit_findings import Part, State
from cluster.storage.sweep_folder import SweepFolder
from search_spaces.tracking.artifact_addresses import correct_addresses
from tests.cluster.small_sweep import train_small_sweep
from tests.cluster.test_storage import tree
from tests.conftest import CommandLine, shared_cache
from trainables.mlflow_contract import Role, Tag, tagged


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    with pytest.MonkeyPatch.context() as patched:
        storage = tmp_path_factory.mktemp("original") / "runs"
        patched.setenv("ADAMANT_CACHE", shared_cache(storage))
        return train_small_sweep(storage)


@pytest.fixture
def folder(original: SweepFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepFolder:
    """A copy of its own, which may be damaged."""
    monkeypatch.setenv("ADAMANT_CACHE", shared_cache(original.storage))
    shutil.copytree(original.storage, tmp_path / "runs")
    copy = SweepFolder(tmp_path / "runs", "small")
    correct_addresses(copy.manifest().tracking_location, copy.artifacts, "adamant/small")
    return copy


def looked(folder: SweepFolder, *, repair: bool = False) -> Audit:
    return audit(folder, repair=repair, trusted=False)


def client_of(folder: SweepFolder) -> MlflowClient:
    return MlflowClient(folder.manifest().tracking_location)


def run_of(folder: SweepFolder, trial_id: str) -> Run:
    client = client_of(folder)
    [experiment] = client.search_experiments(filter_string="name = 'adamant/small'")
    [run] = client.search_runs([experiment.experiment_id], tagged(Tag.TRIAL_ID, trial_id))
    return run


def test_a_whole_sweep_is_whole_and_looking_changes_nothing(folder: SweepFolder) -> None:
    looked(folder)  # which makes the file of the lock
    before = tree(folder.storage)
    found = looked(folder)
    assert found.findings == ()
    assert found.is_whole
    assert found.recorded == "4 trials and 2 confirmations recorded"
    assert found.digest == run_of(folder, Role.SUMMARY).data.tags[Tag.DIGEST]
    assert tree(folder.storage) == before


def flip(path: Path, position: float, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= 1 << bit
    path.write_bytes(content)


def damage_record(folder: SweepFolder) -> None:
    flip(folder.trial("adam/1") / "record.json", 0.5)


def damage_journal(folder: SweepFolder) -> None:
    flip(folder.storage / "study.journal", 0.4)


def join_lines_of_journal(folder: SweepFolder) -> None:
    path = folder.storage / "study.journal"
    content = bytearray(path.read_bytes())
    content[content.index(b"\n", len(content) // 2)] ^= 4
    path.write_bytes(content)


def delete_run(folder: SweepFolder) -> None:
    client_of(folder).delete_run(run_of(folder, "sgd/0").info.run_id)


def log_twice(folder: SweepFolder) -> None:
    run_id, client = run_of(folder, "sgd/0").info.run_id, client_of(folder)
    first = client.get_metric_history(run_id, "val/loss")[0]
    client.log_metric(run_id, "val/loss", first.value, timestamp=1, step=first.step)


def log_another_value(folder: SweepFolder) -> None:
    client_of(folder).log_metric(run_of(folder, "adam/confirm/0").info.run_id, "val/loss", 0.25, step=10_000)


def open_run_again(folder: SweepFolder) -> None:
    client_of(folder).update_run(run_of(folder, "adam/0").info.run_id, status="RUNNING")


def make_run_twice(folder: SweepFolder) -> None:
    run, client = run_of(folder, "adam/0"), client_of(folder)
    client.create_run(run.info.experiment_id, tags=dict(run.data.tags))


def make_unknown_run(folder: SweepFolder) -> None:
    run, client = run_of(folder, "adam/0"), client_of(folder)
    client.create_run(run.info.experiment_id, tags={**run.data.tags, Tag.TRIAL_ID: "adam/9"})


def change_digest(folder: SweepFolder) -> None:
    client_of(folder).set_tag(run_of(folder, Role.SUMMARY).info.run_id, Tag.DIGEST, "0" * 64)


MENDED: list[tuple[Callable[[SweepFolder], None], Part, str, str]] = [
    (damage_record, Part.RECORDS, "adam/1", "its record is damaged"),
    (damage_journal, Part.STUDY, "study.journal", "is damaged"),
    (join_lines_of_journal, Part.STUDY, "study.journal", "is damaged"),
    (delete_run, Part.RUNS, "sgd/0", "MLflow holds 0 runs of it"),
    (log_twice, Part.RUNS, "sgd/0", "are in MLflow more than once"),
    (log_another_value, Part.RUNS, "adam/confirm/0", "1 of "),
    (open_run_again, Part.RUNS, "adam/0", "it is RUNNING (finished) in MLflow, and finished here"),
    (make_run_twice, Part.RUNS, "adam/0", "MLflow holds 2 runs of it"),
    (make_unknown_run, Part.RUNS, "adam/9", "no study does"),
    (change_digest, Part.RUNS, "summary", "its digest is not that of the studies"),
]


@pytest.mark.parametrize(("do", "part", "about", "told"), MENDED, ids=[do.__name__ for do, *_ in MENDED])
def test_what_is_damaged_is_found_and_mended(
    folder: SweepFolder, do: Callable[[SweepFolder], None], part: Part, about: str, told: str
) -> None:
    digest = looked(folder).digest
    do(folder)
    found = looked(folder)
    [finding] = found.findings
    assert (finding.part, finding.state) == (part, State.DAMAGED)
    assert finding.about.endswith(about)
    assert told in finding.problem
    assert not found.is_whole
    [mended] = [one for one in looked(folder, repair=True).findings if one.state != State.NOTED]
    assert mended.state == State.MENDED
    again = looked(folder)
    assert again.is_whole, again.findings
    assert again.digest == digest


def test_a_file_elsewhere_that_a_manifest_names_is_not_repaired(folder: SweepFolder, tmp_path: Path) -> None:
    """Whoever wrote a manifest can have named any file as the journal."""
    precious = tmp_path / "precious"
    precious.write_text("no journal\nat all\n")
    folder.keep(replace(folder.manifest(), study_storage=str(precious)))
    findings = looked(folder, repair=True).findings
    assert {finding.state for finding in findings} == {State.DAMAGED}
    assert "this file is not in the storage folder" in findings[0].problem
    assert precious.read_text() == "no journal\nat all\n"
    assert [path.name for path in tmp_path.iterdir() if "precious" in path.name] == ["precious"]


def test_nothing_is_deleted_by_a_repair(folder: SweepFolder) -> None:
    damage_journal(folder)
    damage_record(folder)
    log_twice(folder)
    damaged = {path: path.read_bytes() for path in (folder.storage / "study.journal", _record(folder))}
    run = run_of(folder, "sgd/0")
    looked(folder, repair=True)
    for path, content in damaged.items():
        assert path.with_name(f"{path.name}.damaged").read_bytes() == content
    [experiment] = client_of(folder).search_experiments(filter_string="name = 'adamant/small'")
    deleted = client_of(folder).search_runs([experiment.experiment_id], "", ViewType.DELETED_ONLY)
    assert [one.info.run_id for one in deleted] == [run.info.run_id]


def _record(folder: SweepFolder) -> Path:
    return folder.trial("adam/1") / "record.json"


def spoil_journal(folder: SweepFolder) -> bytes:
    """Put a block of zeros into its last part; return the journal as it was."""
    path = folder.storage / "study.journal"
    content = path.read_bytes()
    start = content.index(b"\n", 2 * len(content) // 3) - 40
    path.write_bytes(content[:start] + bytes(64) + content[start + 64 :])
    return content


def test_what_stood_after_a_spoilt_line_of_the_journal_is_found_again(folder: SweepFolder) -> None:
    digest = looked(folder).digest
    whole = spoil_journal(folder)
    spoilt = (folder.storage / "study.journal").read_bytes()
    found = looked(folder)
    assert {one.state for one in found.findings} == {State.DAMAGED}
    assert found.digest == ""
    repaired = looked(folder, repair=True)
    assert not repaired.having(State.DAMAGED)
    assert repaired.having(State.OPEN), "it is to be resumed"
    assert (folder.storage / "study.journal.damaged").read_bytes() == spoilt
    kept = (folder.storage / "study.journal").read_bytes()
    assert whole.startswith(kept)
    assert kept.endswith(b"\n")
    train_small_sweep(folder.storage)
    again = looked(folder)
    assert again.is_whole, again.findings
    assert again.digest == digest


def test_a_spoilt_line_of_a_journal_of_several_sweeps_is_named_and_not_cut_off(folder: SweepFolder) -> None:
    shutil.copytree(folder.path, folder.storage / "another")
    spoil_journal(folder)
    spoilt = (folder.storage / "study.journal").read_bytes()
    found = looked(folder, repair=True)
    assert {one.state for one in found.findings} == {State.DAMAGED}
    assert "other sweeps are in this journal: restore it from a copy" in found.findings[0].problem
    assert (folder.storage / "study.journal").read_bytes() == spoilt


def test_trials_that_an_older_study_does_not_know_are_set_aside(folder: SweepFolder) -> None:
    shutil.copytree(folder.trial("sgd/1"), folder.trial("sgd/2"))
    [finding] = [one for one in looked(folder).findings if one.mend]
    assert (finding.about, finding.problem) == ("sgd/2", "it was trained, and no study knows it")
    looked(folder, repair=True)
    assert looked(folder).is_whole
    assert (folder.trials / "sgd" / "2.damaged" / "record.json").is_file()


def test_a_damaged_sweep_file_is_named(folder: SweepFolder) -> None:
    flip(folder.path / "sweep.yaml", 0.6)
    [finding] = looked(folder).findings
    assert (finding.part, finding.state) == (Part.SWEEP, State.DAMAGED)
    assert "sweep.yaml" in finding.problem


def test_a_sweep_that_has_not_ended_is_told_of_and_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, original: SweepFolder
) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", shared_cache(original.storage))
    folder = train_small_sweep(tmp_path / "runs", runs=1)
    found = looked(folder, repair=True)
    assert not found.is_whole
    assert {one.state for one in found.findings} == {State.OPEN}
    assert {one.about for one in found.findings} == {"adam", "sgd"}


def test_the_command_finds_a_sweep_by_its_name_and_its_folder(command_line: CommandLine, folder: SweepFolder) -> None:
    for target in (["small", "--storage", str(folder.storage)], [str(folder.path)]):
        ended = command_line("check", *target)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "small: 4 trials and 2 confirmations recorded. Digest " in ended.stdout
    log_twice(folder)
    ended = command_line("check", str(folder.path))
    assert ended.returncode == 1
    assert "Damaged: 1 part, of which --repair mends 1." in ended.stdout
    as_data = json.loads(command_line("check", str(folder.path), "--repair", "--json").stdout)
    assert as_data["whole"] is True
    assert [one["state"] for one in as_data["findings"]] == ["mended"]


def test_what_is_no_sweep_is_bad_input(command_line: CommandLine, folder: SweepFolder) -> None:
    missing = command_line("check", "smal", "--repair", "--storage", str(folder.storage))
    assert missing.returncode == 2
    assert 'no sweep is called "smal" here; there are small. Did you mean "small"?' in missing.stderr
    mixed = command_line("check", str(folder.path), "--bare")
    assert mixed.returncode == 2
    assert "are for optimizers and workloads" in mixed.stderr
    with folder.locked():
        busy = command_line("check", str(folder.path))
    assert busy.returncode == 2
    assert "another adamant is running this sweep" in busy.stderr


def test_a_sweep_called_as_an_optimizer_is_checked_by_its_folder(
    command_line: CommandLine, folder: SweepFolder
) -> None:
    shutil.copytree(folder.path, folder.storage / "sgd")
    ended = command_line("check", "sgd", "--storage", str(folder.storage))
    assert f"note: sgd is also a sweep; to check that: adamant check {folder.storage / 'sgd'}" in ended.stderr
    assert "resumes bit for bit" in ended.stdout
