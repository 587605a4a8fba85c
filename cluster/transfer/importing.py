"""Taking in a sweep from a file: one rename decides, and what is left to be done then is done by the next command."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cluster.inventory.removal import kept_elsewhere
from cluster.planning import preflight
from cluster.run.announcing import announce
from cluster.run.closing import close_run
from cluster.run.conclusion import conclude
from cluster.run.sweeps import Places
from cluster.storage.rounds import Rounds
from cluster.storage.staging import IMPORTED, IMPORTING, alone_in, folders_in, staged
from cluster.storage.sweep_folder import Manifest, SweepFolder
from cluster.tracking.run_description import RunDescription, describe, describe_summary
from cluster.tracking.run_notes import summary_note, with_note
from cluster.tracking.tracker import Tracker
from cluster.transfer.archive import ABOUT, STUDIES, About, Archive, carried
from optimizers import InputError
from optimizers.files import write_text
from search_spaces import Sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies, open_arms
from search_spaces.study.digest import digest_of
from trainables.mlflow_contract import Status, Tag


def import_sweep(path: Path, places: Places, *, trusted: bool) -> SweepFolder:
    """Take in the sweep of an archive, and return its folder.

    Raises InputError, with nothing written, for an archive that is damaged or holds something else, for one with code
    that is not ``trusted``, and for a name that is taken.
    """
    with Archive(path) as archive:
        about = archive.about
        if archive.code_files and not trusted:
            raise InputError(
                f"{path}: it brings code ({', '.join(archive.code_files)}), which is executed where the sweep is gone "
                "on with or replayed; read it, and give --trust to take it in"
            )
        folder = SweepFolder(places.storage, about.name)
        finish_imports(folder.storage, about.name, asked=True)
        with alone_in(folder.storage / IMPORTING):
            _refuse_taken(folder)
            decided = _unpacked(archive, folder.storage, places, trusted=trusted)
    finish_imports(folder.storage, decided.name, asked=True)
    return folder


def finish_imports(storage: Path, name: str | None = None, *, asked: bool = False) -> list[str]:
    """Finish imports, of a name or of any, that were cut off after they were decided; return the names of the sweeps.

    Raises InputError, unless it is ``asked`` for, where one brings code, or has runs or studies outside of the storage
    folder: whoever made that folder could have put it there.
    """
    place = storage / IMPORTED
    if not staged(place, name):
        return []
    with alone_in(place):
        begun = staged(place, name)
        for path in begun:
            staging = SweepFolder(storage, str(path.relative_to(storage)))
            if not asked and (staging.code.is_dir() or kept_elsewhere(staging)):
                raise InputError(
                    f"{path.name}: it was being imported when that was cut off; finish it with the same adamant import "
                    "as before"
                )
            _finish(staging, path.name)
        return [path.name for path in begun]


def _refuse_taken(folder: SweepFolder) -> None:
    if folder.is_begun:
        raise InputError(
            f'there is a sweep "{folder.name}" in {folder.storage} already; choose another storage folder with '
            f"--storage, or remove it: adamant rm {folder.name}"
        )


def _unpacked(archive: Archive, storage: Path, places: Places, *, trusted: bool) -> Path:
    """Unpack and check an archive, and decide; return the sweep's folder among those that are to be finished."""
    about = archive.about
    for left in folders_in(storage / IMPORTING):  # by imports that were killed before they were decided
        shutil.rmtree(left)
    making = storage / IMPORTING / uuid.uuid4().hex
    staging = SweepFolder(storage, f"{IMPORTING}/{making.name}/{about.name}")
    try:
        archive.unpack(staging.path)
        rounds = Rounds.from_dict(about.rounds) if about.rounds else None
        manifest = places.manifest(about.name, rounds)
        staging.keep(replace(manifest, sweep_id=about.sweep_id, session=about.session))
        write_text(staging.path / ABOUT, about.model_dump_json())
        sweep, _ = staging.read(staging.bundle() if trusted else None)
        arms = open_arms(open_storage(str(staging.path / STUDIES)), sweep)
        if sweep.name != about.name or digest_of(arms) != about.digest:
            raise InputError(f"{about.name}: what the archive holds is not what it says of it; export the sweep again")
        preflight.check_tracking(manifest.tracking_location)
        preflight.check_study_storage(manifest.study_location, sweep)
        with alone_in(storage / IMPORTED):
            making.rename(decided := storage / IMPORTED / making.name)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return decided / about.name


def _finish(staging: SweepFolder, name: str) -> None:
    """Write studies and runs, however often it is begun, and put the folder in its place."""
    if (staging.path / ABOUT).is_file():
        about = About.model_validate_json((staging.path / ABOUT).read_text(encoding="utf-8"))
        sweep, manifest = staging.read(staging.bundle())
        _write_studies(staging.path / STUDIES, manifest, name)
        arms = open_arms(open_storage(manifest.study_location), sweep)
        _write_runs(staging, sweep, manifest, arms, about.tags)
        (staging.path / STUDIES).unlink()
        (staging.path / ABOUT).unlink()
    staging.path.rename(staging.storage / name)
    staging.path.parent.rmdir()


def _write_studies(copied: Path, manifest: Manifest, name: str) -> None:
    import optuna

    ours = open_storage(manifest.study_location)
    for study in ours.get_all_studies():
        if study.study_name.startswith(f"{name}/"):  # of an import that was cut off
            ours.delete_study(study._study_id)
    theirs = open_storage(str(copied))
    for study in theirs.get_all_studies():
        if study.study_name.startswith(f"{name}/"):
            optuna.copy_study(from_study_name=study.study_name, from_storage=theirs, to_storage=ours)


def _write_runs(
    staging: SweepFolder,
    sweep: Sweep,
    manifest: Manifest,
    arms: Mapping[str, ArmStudies],
    tags: Mapping[str, Mapping[str, str]],
) -> None:
    """Write every run that has ended from its record, with the tags that it had."""

    def as_before(run: RunDescription) -> RunDescription:
        return replace(run, tags={**run.tags, **carried(tags.get(run.trial_id, {}))})

    contests, summary = sweep.contests, as_before(describe_summary(sweep))
    tracker = Tracker(manifest.tracking_location, sweep.name, manifest.sweep_id, staging.artifacts)
    announce(tracker, summary, staging, sweep, manifest)
    for arm in arms.values():
        for assignment, outcome in arm.ended():
            run = with_note(describe(contests[assignment.contest], assignment), sweep, manifest, staging.storage)
            close_run(as_before(run), staging, tracker, assignment, outcome)
    if any(any(arm.left().values()) for arm in arms.values()):
        tracker.interrupt()
    else:
        conclude(staging, sweep, arms, tracker, summary)
        tracker.tag(summary, {Tag.NOTE: summary_note(sweep, manifest, staging.storage, tracker)})
        if staging.report.is_dir():
            tracker.artifact(summary, staging.report)
        tracker.end(summary, Status.FINISHED)
    if not tracker.close():
        raise InputError(f"MLflow {tracker.trouble or 'is slow'}; when this is mended, import the sweep again")
