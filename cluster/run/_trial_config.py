"""What a Ray Tune trial is given to run an assignment of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.storage.sweep_folder import Manifest, SweepFolder
from cluster.tracking.run_description import trial_spec
from trainables.mlflow_contract import Role
from trainables.tune.checkpoint import TrialFolder

if TYPE_CHECKING:
    from search_spaces.study.arm_studies import ArmStudies
    from search_spaces.study.assignment import Assignment
    from search_spaces.study.recorded_search import RecordedSearch


def trial_config(folder: SweepFolder, manifest: Manifest, arm: ArmStudies, assignment: Assignment) -> dict[str, Any]:
    """Return the config of a ``trainables.tune.trial.Trial`` for an arm's assignment; makes the trial's folder."""
    contest = arm.sweep
    spec, resources = trial_spec(contest, assignment), contest.resources
    return {
        "spec": spec.to_dict(),
        "folder": str(folder.make_trial(assignment.trial_id)),
        "session": manifest.session,
        "code": str(folder.code) if spec.code else None,
        "data_root": manifest.data_root,
        "cpus": resources.cpu,
        "gpus": resources.gpu,
        "workers": resources.workers,
        "accelerator": resources.accelerator_kind,
        "checkpoint_seconds": resources.checkpoint_seconds,
        "trial_timeout": resources.trial_timeout,
        "decisions": arm.decisions(assignment),
        "parent": assignment.parent and str(folder.trial(assignment.parent)),
        "since": assignment.since,
        "tradeoffs": [tradeoff.name for tradeoff in contest.tradeoffs if assignment.role == Role.TRIAL],
    }


def drop_obsolete_states(folder: SweepFolder, search: RecordedSearch, assignment: Assignment) -> None:
    """Delete the states of a population's members whose descendants have all gone on; in the end, of all."""
    from search_spaces.study.population import PopulationStudy

    if isinstance(search, PopulationStudy):
        for trial_id in search.obsolete(assignment):
            TrialFolder(folder.trial(trial_id)).delete_checkpoints()
