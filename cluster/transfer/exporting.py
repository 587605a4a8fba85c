"""Writing a sweep into one file that another machine opens."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from cluster.audit.audit import Audit, audit
from cluster.audit.audit_findings import State
from cluster.distribution import version
from cluster.sessions.standing import STANDING_FILE
from cluster.storage.recorded import is_there
from cluster.storage.sweep_folder import Manifest, SweepFolder
from cluster.tracking.run_pages import all_runs
from cluster.transfer.archive import About, carried, write_archive
from optimizers import InputError
from optimizers.files import atomic_write
from search_spaces.stores.study_storage import open_storage
from trainables.mlflow_contract import EXPERIMENT_PREFIX, Tag, tagged

# What the folder holds of this machine and of drivers, and what a resume makes again.
_OF_THIS_PLACE = {"manifest.json", STANDING_FILE, ".lock", "tune"}


def export(folder: SweepFolder, path: Path, *, trusted: bool) -> Audit:
    """Write a sweep to a file, whole or not at all; return what an audit of it found.

    Raises InputError while it runs, where a part of it is damaged or cannot be reached, and for a file in the folder of
    the sweep itself. ``trusted`` lets the code that it uses be loaded where that belongs to somebody else.
    """
    if path.resolve().is_relative_to(folder.path):
        raise InputError(f"{path}: this is in the folder of the sweep itself; name a file elsewhere")
    found = audit(folder, repair=False, trusted=trusted)
    if damaged := found.having(State.DAMAGED):
        told = f"{damaged[0].about}: {damaged[0].problem}"
        raise InputError(f"{folder.name} is damaged ({told}); mend it first: adamant check {folder.name} --repair")
    with folder.locked(), tempfile.TemporaryDirectory() as made:
        manifest = folder.manifest()
        studies = Path(made) / "study.journal"
        _copy_studies(manifest, folder.name, studies)
        rounds = asdict(manifest.rounds) if manifest.rounds else None
        about = About(
            format=1, name=folder.name, sweep_id=manifest.sweep_id, session=manifest.session, digest=found.digest,
            adamant=version(), rounds=rounds, tags=_tags(manifest, folder.name),
        )  # fmt: skip
        with atomic_write(path.resolve()) as temporary:
            write_archive(temporary, about, _files(folder.path), studies)
    return found


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root)
        if path.is_file() and not path.is_symlink() and place.parts[0] not in _OF_THIS_PLACE:
            yield str(place), path


def _copy_studies(manifest: Manifest, name: str, path: Path) -> None:
    import optuna

    path.touch()
    if is_there(manifest.study_location):
        theirs, copy = open_storage(manifest.study_location), open_storage(str(path))
        for study in theirs.get_all_studies():
            if study.study_name.startswith(f"{name}/"):
                optuna.copy_study(from_study_name=study.study_name, from_storage=theirs, to_storage=copy)


def _tags(manifest: Manifest, name: str) -> dict[str, dict[str, str]]:
    """The tags of every run by its trial id, which say what it was run with."""
    if not is_there(manifest.tracking_location):
        return {}
    from mlflow import MlflowClient

    client = MlflowClient(manifest.tracking_location)
    experiment = client.get_experiment_by_name(EXPERIMENT_PREFIX + name)
    if experiment is None:
        return {}
    runs = all_runs(client, experiment.experiment_id, tagged(Tag.SWEEP_ID, manifest.sweep_id))
    return {run.data.tags.get(Tag.TRIAL_ID, ""): carried(run.data.tags) for run in runs}
