"""What the summary run of a sweep is given once everything was trained: curves, planned steps, the digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cluster.planning.plan import make_plan
from cluster.storage.sweep_folder import SweepFolder
from cluster.tracking.curves_artifact import write_curves
from cluster.tracking.reproducibility import reproducibility_tags
from cluster.tracking.run_description import RunDescription
from cluster.tracking.tracker import Tracker
from optimizers.files import sha256_of
from search_spaces import Sweep
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment
from trainables.mlflow_contract import Tag
from trainables.tune.checkpoint import TrialFolder

Records = Sequence[tuple[Assignment, Mapping[str, Any]]]


def conclude(
    folder: SweepFolder, sweep: Sweep, arms: Mapping[str, ArmStudies], tracker: Tracker, summary: RunDescription
) -> str:
    """Tell MLflow what can only be told now; return the digest of what was found."""
    ended = [run for arm in arms.values() for run in arm.ended()]
    records: Records = [
        (run, record) for run, _ in ended if (record := TrialFolder(folder.trial(run.trial_id)).read_record()[0])
    ]
    digest = reproducibility_tags(sweep, arms, {record.get("processor", "") for _, record in records} - {""})
    tracker.tag(summary, {Tag.PLAN_SEARCH_STEPS: json.dumps(_planned_steps(sweep, records)), **digest})
    curves = write_curves(folder, ended, tracker.curves)
    tracker.artifact(summary, curves)
    tracker.tag(summary, {Tag.CURVES_SHA256: sha256_of(curves.read_bytes())})
    return digest[Tag.DIGEST]


def _planned_steps(sweep: Sweep, records: Records) -> dict[str, float]:
    """The steps of each arm's search that were to be expected, for the report, which says what became of them."""
    # By the runs and not by the data, for which this process would load torch.
    per_epoch: dict[str, int | None] = {}
    for run, record in records:
        if record["epoch"]:
            per_epoch.setdefault(run.contest.workload, record["step"] // record["epoch"])
    plan = make_plan(sweep, per_epoch, slots=1)
    return {arm.name: arm.search_steps for arm in plan.arms if arm.search_steps is not None}
