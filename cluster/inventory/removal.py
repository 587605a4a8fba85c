"""Taking a sweep away: one rename decides, and what is left of it then is removed by whichever command comes next.

A command that is killed before the rename has changed nothing. After it there is no such sweep any more, though its
runs, studies and files may be there for a while; :func:`finish_removals` takes them away however often it is begun.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.inventory.disk_use import disk_use
from cluster.storage.locations import location_path
from cluster.storage.recorded import is_there
from cluster.storage.staging import REMOVED, alone_in, refuse_link, staged
from cluster.storage.sweep_folder import Manifest, SweepFolder
from cluster.tracking.run_pages import all_runs
from optimizers import InputError
from search_spaces.stores.addresses import is_server, without_password
from search_spaces.stores.mlflow_schema import check_database
from trainables.mlflow_contract import EXPERIMENT_PREFIX, SET_ASIDE, Tag, tagged

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Removed:
    """A sweep that is gone.

    Attributes:
        bytes: What its files took on the disk.
        left: What could not be removed from here, in a sentence; "" where nothing is left.
    """

    name: str
    bytes: int
    left: str = ""


def remove(folder: SweepFolder) -> Removed:
    """Take a sweep away with its runs, studies, checkpoints, report and artefacts.

    Raises InputError while it runs, where it cannot be read, and where its runs or studies cannot be reached.
    """
    if not folder.exists:
        folder.open()
    refuse_link(folder.path)
    with alone_in(folder.storage / REMOVED):
        with folder.locked():
            manifest = folder.manifest()
            _check_reachable(manifest)
            place = folder.storage / REMOVED / uuid.uuid4().hex
            place.mkdir()
            folder.path.rename(place / folder.name)
        return _finish(folder.storage, place / folder.name)


def finish_removals(storage: str | Path, name: str | None = None, *, asked: bool = False) -> list[Removed]:
    """Remove what is left of sweeps, of a name or of any, whose removal was cut off; return them.

    Raises InputError where their runs or studies cannot be reached, and, unless it is ``asked`` for, where they are not
    in the storage folder: whoever made that folder could have named those of somebody else.
    """
    root = Path(storage).expanduser().resolve()
    if not staged(root / REMOVED, name):
        return []
    with alone_in(root / REMOVED):
        begun = staged(root / REMOVED, name)
        for path in begun:
            if not asked and (elsewhere := kept_elsewhere(SweepFolder(root, str(path.relative_to(root))))):
                raise InputError(
                    f"{path.name}: its removal was cut off, and {' and '.join(elsewhere)}; finish it with: adamant rm "
                    f"{path.name} --storage {root}"
                )
        return [_finish(root, path) for path in begun]


def kept_elsewhere(folder: SweepFolder) -> list[str]:
    """Return which parts of a sweep are not in its storage folder, and where they are, in words."""
    if not (folder.path / "manifest.json").is_file():
        return []
    manifest = folder.manifest()
    parts = {"runs": manifest.tracking_location, "studies": manifest.study_location}
    return [
        f"its {what} are in {without_password(location)}"
        for what, location in parts.items()
        if (path := location_path(location)) is None or not path.resolve().is_relative_to(folder.storage)
    ]


def _check_reachable(manifest: Manifest) -> None:
    """Raise InputError where runs or studies cannot be reached, or their databases cannot be read."""
    from search_spaces.stores.study_storage import open_storage

    if is_there(manifest.study_location):
        open_storage(manifest.study_location)
    if is_there(manifest.tracking_location):
        check_database(manifest.tracking_location)
        _client(manifest)


def _finish(storage: Path, moved: Path) -> Removed:
    """Remove what is left of a sweep, its folder last."""
    folder, name = SweepFolder(storage, str(moved.relative_to(storage))), moved.name
    artifacts = SweepFolder(storage, name).artifacts_of_sweep
    took, left = disk_use(moved, artifacts).bytes, ""
    if (moved / "manifest.json").is_file():
        manifest = folder.manifest()
        if is_there(manifest.tracking_location):
            left = _remove_runs(manifest, name)
        if is_there(manifest.study_location):
            _remove_studies(manifest, name)
        if artifacts.resolve() == artifacts:  # a link on the way there leads to what is somebody else's
            shutil.rmtree(artifacts, ignore_errors=True)
        (moved / "manifest.json").unlink()  # from here on only files are left
    shutil.rmtree(moved.parent)
    return Removed(name, took, left)


def _client(manifest: Manifest) -> MlflowClient:
    """Raises InputError where MLflow does not answer."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    from cluster.tracking.mlflow_errors import reason

    client = MlflowClient(manifest.tracking_location)
    try:
        client.search_experiments(max_results=1)
    except MlflowException as error:
        raise InputError(
            f"{without_password(manifest.tracking_location)}: MLflow does not answer ({reason(error)}), so that the "
            "sweep's runs cannot be removed"
        ) from None
    return client


def _remove_runs(manifest: Manifest, name: str) -> str:
    """Delete the runs of a sweep, and its experiment where that has no others; return what is left, in a sentence."""
    from mlflow.entities import LifecycleStage

    client, location = _client(manifest), manifest.tracking_location
    experiment = client.get_experiment_by_name(EXPERIMENT_PREFIX + name)
    if experiment is None:
        return ""

    ids = (manifest.sweep_id, f"{manifest.sweep_id}{SET_ASIDE}")
    found = partial(all_runs, client, experiment.experiment_id, deleted=True)
    own = [run for sweep_id in ids for run in found(tagged(Tag.SWEEP_ID, sweep_id))]
    alone = len(own) == len(found())
    for run in own:
        if run.info.lifecycle_stage == LifecycleStage.ACTIVE:
            client.delete_run(run.info.run_id)
    if alone and experiment.lifecycle_stage == LifecycleStage.ACTIVE:
        client.delete_experiment(experiment.experiment_id)
    if is_server(location):
        told = f"{len(own)} deleted runs stay in MLflow at {without_password(location)}"
        return f"{told} until `mlflow gc` is run there" if own else ""
    _purge(location, [run.info.run_id for run in own], experiment.experiment_id if alone else None)
    return ""


def _purge(location: str, run_ids: list[str], experiment_id: str | None) -> None:
    """Remove deleted runs, and an experiment, from a database for good.

    `mlflow gc` calls the same methods, and would at the same time remove whatever else a user has deleted there.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(location, str((location_path(location) or Path()).parent))
    for run_id in run_ids:
        store._hard_delete_run(run_id)
    if experiment_id is not None:
        store._hard_delete_experiment(experiment_id)


def _remove_studies(manifest: Manifest, name: str) -> None:
    from search_spaces.stores.study_storage import open_storage

    storage = open_storage(manifest.study_location)
    for study in storage.get_all_studies():
        if study.study_name.startswith(f"{name}/"):
            storage.delete_study(study._study_id)
