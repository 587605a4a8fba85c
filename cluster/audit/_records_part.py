"""The records of trials: one for each run that has ended, whole, and of what the study says was trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from cluster.audit.audit_findings import Finding, Part, State
from cluster.storage.sweep_folder import SweepFolder
from cluster.tracking.run_description import trial_spec
from optimizers.errors import one_line
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome
from trainables.mlflow_contract import Role, Status
from trainables.tune.checkpoint import TrialFolder

Record = Mapping[str, Any]


def record_findings(folder: SweepFolder, arms: Mapping[str, ArmStudies]) -> Iterator[Finding]:
    """Yield the runs that have ended whose record is not as it should be."""
    for arm in arms.values():
        for assignment, outcome in arm.ended():
            trial = TrialFolder(folder.trial(assignment.trial_id))
            try:
                record = trial.whole_record()
            except ValueError as error:
                mend = partial(_set_aside, trial)
                yield _finding(assignment, f"its record is damaged ({one_line(error)})", mend=mend)
                continue
            if record is None and outcome.status != Status.FAILED:
                yield _finding(assignment, "it has no record; MLflow has its curve", state=State.NOTED)
            elif record is not None and (difference := _difference(arm, assignment, outcome, record)):
                yield _finding(assignment, difference)
    for path in sorted(folder.trials.glob("**/*.damaged*")):
        about = str(path.parent.relative_to(folder.trials)).removesuffix("/checkpoints")
        yield Finding(Part.RECORDS, about, f"{path.name} was set aside", State.NOTED)


def _finding(assignment: Assignment, problem: str, **given: Any) -> Finding:
    return Finding(Part.RECORDS, assignment.trial_id, problem, **given)


def _set_aside(trial: TrialFolder) -> str:
    _, told = trial.read_record()
    return "it is set aside" if told else "it is whole now"


def _difference(arm: ArmStudies, assignment: Assignment, outcome: Outcome, record: Record) -> str:
    """In what a record is not of the run that the study holds; "" where it is."""
    if record["spec"] != trial_spec(arm.sweep, assignment).to_dict():
        return "its record is of another configuration than the study's"
    metric = arm.sweep.metric.name
    measured = {point["epoch"]: point[metric] for point in record["curve"]}
    for epoch, value in _told(arm, assignment, outcome).items():
        if measured.get(epoch) != value:
            return f"{metric} at epoch {epoch}: the study has {value!r}, its record {measured.get(epoch)!r}"
    tested = record.get("outcome", {}).get("test", {})
    if outcome.tested and dict(outcome.tested) != tested:
        return f"the study has the test metrics {dict(outcome.tested)}, its record {tested}"
    return ""


def _told(arm: ArmStudies, assignment: Assignment, outcome: Outcome) -> dict[int, float]:
    """The metric by epoch, as the study knows it; what diverged has none at its end."""
    if outcome.status == Status.FAILED:
        return {}
    if assignment.role == Role.TRIAL:
        told = arm.search.trials()[assignment.number].intermediate_values
    else:
        told = {} if outcome.status == Status.DIVERGED else {outcome.epoch: outcome.value}
    return {epoch: value for epoch, value in told.items() if math.isfinite(value)}
