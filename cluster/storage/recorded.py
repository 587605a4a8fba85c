"""Whether what a sweep has recorded is all there, before a driver goes on with it. Nothing is made here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import trainables
from cluster.storage.locations import location_path
from cluster.storage.sweep_folder import Manifest, SweepFolder
from optimizers import InputError
from optimizers.files import text_of, unsealed
from search_spaces import Sweep
from search_spaces.stores.addresses import without_password
from search_spaces.study.assignment import arm_path
from search_spaces.study.recorded_search import FINISHED, search_study_name
from trainables.mlflow_contract import EXPERIMENT_PREFIX, Role, Tag, tagged

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def check_recorded(folder: SweepFolder, sweep: Sweep, manifest: Manifest) -> list[str]:
    """Return a warning where records are lost that are not needed to go on.

    Raises InputError, which names every missing part, where a resume would start over or train something twice: a study
    or database that is gone, records that are gone, and a study that is older than the trials.
    """
    runs, studies = manifest.tracking_location, manifest.study_location
    missing = []
    if folder.artifacts_of_sweep.is_dir() and not is_there(runs):
        missing.append(f"the runs, {_shown(runs)}")
    trained = _trained(folder, sweep)
    searches = _searches(sweep, studies) if is_there(studies) else {}
    ended = {f"{path}/{one.number}" for path, trials in searches.items() for one in trials if one.state in FINISHED}
    if not any(searches.values()) and (trained or _tracks_trials(manifest, sweep)):
        missing.append(f"the studies, {_shown(studies)}")
    if ended and not trained:
        missing.append(f"the records of the trials, {folder.trials}")
    if missing:
        raise InputError(
            f"{folder.path}: parts of this sweep are missing: {'; '.join(missing)}. "
            "Put them back, from a copy or from where the storage folder was before"
        )
    if newer := _newer(trained, searches):
        raise InputError(
            f"{_shown(studies)}: this study is older than the trials in {folder.trials}: it does not know "
            f"{', '.join(newer)}. Put the newer study back, or move the folders of these trials away to have them "
            "trained again"
        )
    lost = len(ended - trained)
    return [f"{lost} of {len(ended)} trials that have ended have no record in {folder.trials}"] if lost else []


def newer_trials(folder: SweepFolder, sweep: Sweep, manifest: Manifest) -> list[str]:
    """Return the trials that were trained and that no study knows, as after an older study was put back."""
    studies = manifest.study_location
    return _newer(_trained(folder, sweep), _searches(sweep, studies) if is_there(studies) else {})


def _trained(folder: SweepFolder, sweep: Sweep) -> set[str]:
    """The trials of searches in whose folders there is something."""
    paths = [arm_path(contest, arm) for contest in sweep.contests for arm in sweep.arms]
    return {f"{path}/{number}" for path in paths for number in _numbers(folder.trial(path))}


def _newer(trained: Iterable[str], searches: Mapping[str, Sequence[FrozenTrial]]) -> list[str]:
    return sorted(one for one in trained if _number(one) >= len(searches.get(_path(one), ())))


def check_same_data(folder: SweepFolder, sweep: Sweep, data_root: Path) -> None:
    """Raise InputError for data other than that on which the sweep's trials were trained, whose scores it compares."""
    recorded: dict[str, str] = {}
    for contest in sweep.contests:
        for arm in sweep.arms:
            path = arm_path(contest, arm)
            found = (_fingerprint(folder.trial(f"{path}/{number}")) for number in _numbers(folder.trial(path)))
            if (fingerprint := next(filter(None, found), None)) is not None:
                recorded.setdefault(contest.workload, fingerprint)
    for name, fingerprint in recorded.items():
        workload = sweep.by_workload[name]
        if not trainables.get(workload.name).is_recorded_data(fingerprint, data_root, workload.options):
            raise InputError(
                f"{data_root}: the data of {workload.name} is not that on which the trials of {sweep.name} were "
                "trained, so that their scores could not be compared. Put it back, or start the sweep anew under "
                "another name"
            )


def is_there(location: str) -> bool:
    """Return whether a location is a server's, or that of a file that exists."""
    path = location_path(location)
    return path is None or path.is_file()


def check_no_copy(folder: SweepFolder, manifest: Manifest) -> None:
    """Raise InputError for a copy of a sweep that shares runs or studies with its original, which is still there."""
    original = SweepFolder(manifest.storage, folder.name)
    if not original.exists or original.path.samefile(folder.path) or original.manifest().sweep_id != manifest.sweep_id:
        return
    for what, location in (("runs", manifest.tracking_location), ("studies", manifest.study_location)):
        path = location_path(location)
        if path is None or not path.is_relative_to(folder.storage):
            raise InputError(
                f"{folder.path} is a copy of {original.path}, and the {what} of both are in {_shown(location)}; "
                f"resume the original, or remove its folder first"
            )


def _numbers(folder: Path) -> list[str]:
    """Names of the trial folders in an arm's folder that hold something."""
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if path.name.isdecimal() and path.is_dir() and any(path.iterdir())]


def _fingerprint(trial: Path) -> str | None:
    """That of the data in a trial's record; None where it has none that can be read."""
    try:
        return unsealed(text_of(trial / "record.json"), older="spec").get("fingerprint")
    except (OSError, ValueError):
        return None


def _path(trial_id: str) -> str:
    return trial_id.rpartition("/")[0]


def _number(trial_id: str) -> int:
    return int(trial_id.rpartition("/")[2])


def _searches(sweep: Sweep, location: str) -> dict[str, list[FrozenTrial]]:
    """The trials of every search that was begun, by its path."""
    from search_spaces.stores.study_storage import open_storage

    storage = open_storage(location)
    begun = {study.study_name: study._study_id for study in storage.get_all_studies()}
    return {
        arm_path(contest.contest, arm): storage.get_all_trials(begun[name], deepcopy=False)
        for contest in sweep.contests.values()
        for arm in sweep.arms
        if (name := search_study_name(contest, arm)) in begun
    }


def _tracks_trials(manifest: Manifest, sweep: Sweep) -> bool:
    """Whether MLflow holds trials of the sweep."""
    if not is_there(manifest.tracking_location):
        return False
    from mlflow import MlflowClient

    client = MlflowClient(manifest.tracking_location)
    experiment = client.get_experiment_by_name(EXPERIMENT_PREFIX + sweep.name)
    of_trials = f"{tagged(Tag.SWEEP_ID, manifest.sweep_id)} and {tagged(Tag.SWEEP_ROLE, Role.TRIAL)}"
    return experiment is not None and bool(client.search_runs([experiment.experiment_id], of_trials, max_results=1))


def _shown(location: str) -> str:
    return str(location_path(location) or without_password(location))
