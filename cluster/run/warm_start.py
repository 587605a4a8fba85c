"""What an earlier sweep found, as configurations that a new one tries first."""

from __future__ import annotations

from cluster.storage.locations import location_path
from cluster.storage.recorded import is_there
from cluster.storage.sweep_folder import SweepFolder
from optimizers import InputError
from search_spaces import Sweep
from search_spaces.space.space import Configuration
from search_spaces.sweep.loading import with_starts


def with_best_of(sweep: Sweep, earlier: str, storage: str) -> Sweep:
    """The sweep, each arm starting also from the best configuration of the arm of its name in the ``earlier`` one.

    From several, where that had several workloads or studies. What of it the arm's space does not hold is at its
    default. Raises InputError where there is no such sweep, or no arm of the two goes by one name.
    """
    from search_spaces.stores.study_storage import open_storage
    from search_spaces.study.recorded_search import RecordedSearch, search_study_name

    before, manifest = SweepFolder(storage, earlier).open()
    shared = [name for name in sweep.arms if name in before.arms]
    if not shared:
        raise InputError(
            f"--from {earlier}: none of its arms ({', '.join(before.arms)}) is one of {', '.join(sweep.arms)}"
        )
    if not is_there(manifest.study_location):
        raise InputError(
            f"--from {earlier}: its studies are missing: there is no {location_path(manifest.study_location)}"
        )
    kept = open_storage(manifest.study_location)
    # Opening a study that is not there would begin it.
    begun = {study.study_name for study in kept.get_all_studies()}
    contests = before.contests.values()
    best = {
        name: [
            RecordedSearch(kept, contest, name).best_configuration()
            for contest in contests
            if search_study_name(contest, name) in begun
        ]
        for name in shared
    }
    return with_starts(
        sweep, {name: [_known(sweep, name, one) for one in found if one] for name, found in best.items()}
    )


def _known(sweep: Sweep, arm: str, found: Configuration) -> Configuration:
    space = sweep.arms[arm].space
    known = space.parameters
    return {name: value for name, value in found.items() if name in known and known[name].contains(value)}
