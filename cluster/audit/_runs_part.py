"""The runs of a sweep in MLflow: one for each run that the studies hold, closed as it ended, each value there once."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cluster.audit.audit_findings import Finding, Kind, Part
from cluster.run.closing import close_run, last_points
from cluster.run.conclusion import conclude
from cluster.storage.recorded import is_there
from cluster.storage.sweep_folder import Manifest, SweepFolder
from cluster.tracking.mlflow_errors import reason
from cluster.tracking.run_description import (
    RunDescription,
    changed_parameter,
    describe,
    describe_summary,
    metric_rows,
)
from cluster.tracking.run_notes import with_note
from cluster.tracking.run_pages import all_runs
from cluster.tracking.tracker import Tracker
from search_spaces import Sweep
from search_spaces.stores.addresses import without_password
from search_spaces.stores.mlflow_schema import database_problem
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.digest import digest_of
from trainables.mlflow_contract import EXPERIMENT_PREFIX, SET_ASIDE, MlflowStatus, Role, Status, Tag, from_store, tagged
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.records import record_up_to

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Values = dict[tuple[str, int], float]


@dataclass(frozen=True)
class _Problem:
    """What is not as it should be of a run; ``spoilt`` where MLflow's run cannot become what it should be."""

    told: str
    spoilt: bool = False
    kind: Kind = Kind.OTHER


class RunsPart:
    """Compares the runs of a sweep with its studies and records, and writes again what is not as it should be."""

    def __init__(self, folder: SweepFolder, sweep: Sweep, manifest: Manifest, arms: Mapping[str, ArmStudies]) -> None:
        self._folder, self._sweep, self._manifest, self._arms = folder, sweep, manifest, arms
        self._uri = manifest.tracking_location
        self._contests = sweep.contests
        # Written in the end: a tracker looks once at what is there, and that is to be without what was set aside.
        self._to_write: list[tuple[Assignment, Outcome]] = []
        self._to_conclude = False

    def findings(self) -> Iterator[Finding]:
        """Yield what is not as it should be."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        shown = without_password(self._uri)
        if problem := database_problem(self._uri) if is_there(self._uri) else "there are no runs here":
            yield Finding(Part.RUNS, shown, problem)
            return
        try:
            client = MlflowClient(self._uri)
            yield from self._of_runs(client, self._runs(client))
        except MlflowException as error:
            yield Finding(Part.RUNS, shown, f"MLflow cannot be asked ({reason(error)})")

    def write(self) -> Iterator[Finding]:
        """Write what was promised, and yield what MLflow has not taken of it."""
        if not self._to_write and not self._to_conclude:
            return
        tracker = Tracker(self._uri, self._sweep.name, self._manifest.sweep_id, self._folder.artifacts)
        for assignment, outcome in self._to_write:
            close_run(self._describe(assignment), self._folder, tracker, assignment, outcome)
        if self._to_conclude:
            summary = describe_summary(self._sweep)
            conclude(self._folder, self._sweep, self._arms, tracker, summary)
            tracker.end(summary, Status.FINISHED)
        if not tracker.close():
            yield Finding(Part.RUNS, without_password(self._uri), f"MLflow {tracker.trouble or 'is slow'}")
        for name, why in tracker.refused.items():
            yield Finding(Part.RUNS, name, f"MLflow refuses a part of it ({why})")

    def _runs(self, client: MlflowClient) -> dict[str, list[Run]]:
        """The runs of the sweep by their trial id."""
        found: dict[str, list[Run]] = defaultdict(list)
        experiment = client.get_experiment_by_name(EXPERIMENT_PREFIX + self._sweep.name)
        if experiment is None:
            return found
        for run in all_runs(client, experiment.experiment_id, tagged(Tag.SWEEP_ID, self._manifest.sweep_id)):
            found[run.data.tags.get(Tag.TRIAL_ID, "")].append(run)
        return found

    def _of_runs(self, client: MlflowClient, runs: Mapping[str, list[Run]]) -> Iterator[Finding]:
        known = {str(Role.SUMMARY)}
        for arm in self._arms.values():
            for assignment, outcome in arm.ended():
                known.add(assignment.trial_id)
                yield from self._of_run(client, runs.get(assignment.trial_id, []), assignment, outcome)
            known |= {one.trial_id for one in (*arm.search.running(), *arm.confirm.running())}
        for trial_id in sorted(runs.keys() - known):
            mend = partial(self._set_aside, client, runs[trial_id])
            yield Finding(Part.RUNS, trial_id, "MLflow holds this run, and no study does", mend=mend)
        yield from self._of_summary(client, runs.get(Role.SUMMARY, []))

    def _of_run(
        self, client: MlflowClient, runs: list[Run], assignment: Assignment, outcome: Outcome
    ) -> Iterator[Finding]:
        recorded = self._recorded(assignment, outcome)
        problem = self._problem(client, runs, assignment, outcome, recorded)
        if problem is None:
            return
        mend = None
        if recorded is not None or outcome.status == Status.FAILED:
            mend = partial(self._write_anew, client, runs if problem.spoilt else [], assignment, outcome)
        yield Finding(Part.RUNS, assignment.trial_id, problem.told, mend=mend, kind=problem.kind)

    def _problem(
        self,
        client: MlflowClient,
        runs: list[Run],
        assignment: Assignment,
        outcome: Outcome,
        recorded: Values | None,
    ) -> _Problem | None:
        """What is not as it should be of a run that has ended."""
        if len(runs) != 1:
            kind = Kind.TWICE if runs else Kind.LOST
            return _Problem(f"MLflow holds {len(runs)} runs of it, not one", spoilt=True, kind=kind)
        [run] = runs
        if changed := changed_parameter(run, self._describe(assignment)):
            return _Problem(f"MLflow has another {changed}", spoilt=True)
        if problem := None if recorded is None else _difference(client, run, recorded):
            return problem
        was = run.data.tags.get(Tag.STATUS_REASON)
        if run.info.status != outcome.status.mlflow or was != outcome.status:
            return _Problem(f"it is {run.info.status} ({was or 'no reason'}) in MLflow, and {outcome.status} here")
        why = run.data.tags.get(Tag.STATUS_INCOMPLETE)
        return _Problem(f"MLflow has refused a part of it ({why})") if why else None

    def _recorded(self, assignment: Assignment, outcome: Outcome) -> Values | None:
        """What MLflow is to hold of a run; None without a whole record."""
        try:
            record = TrialFolder(self._folder.trial(assignment.trial_id)).whole_record()
        except ValueError:
            return None
        if record is None:
            return None
        if outcome.status == Status.PRUNED:
            record = record_up_to(record, outcome.epoch)
        rows = metric_rows([*record["curve"], *last_points(record)])
        return {(name, step): value for name, value, _, step in rows}

    def _of_summary(self, client: MlflowClient, runs: list[Run]) -> Iterator[Finding]:
        if any(any(arm.left().values()) for arm in self._arms.values()):
            return
        digest = digest_of(self._arms)
        problem = ""
        if len(runs) != 1:
            problem = f"MLflow holds {len(runs)} runs of it, not one"
        elif runs[0].info.status != MlflowStatus.FINISHED:
            problem = f"it is {runs[0].info.status}, though nothing is left to be trained"
        elif runs[0].data.tags.get(Tag.DIGEST) != digest:
            problem = f"its digest is not that of the studies, {digest[:12]}"
        if problem:
            yield Finding(Part.RUNS, Role.SUMMARY, problem, mend=partial(self._conclude_anew, client, runs[1:]))

    def _conclude_anew(self, client: MlflowClient, more_than_one: list[Run]) -> str:
        self._to_conclude = True
        told = f"it is concluded anew; `adamant resume {self._sweep.name}` also writes its report"
        return "; ".join(filter(None, (told, self._set_aside(client, more_than_one))))

    def _write_anew(self, client: MlflowClient, spoilt: list[Run], assignment: Assignment, outcome: Outcome) -> str:
        self._to_write.append((assignment, outcome))
        return "; ".join(filter(None, ("it is written again from its record", self._set_aside(client, spoilt))))

    def _set_aside(self, client: MlflowClient, runs: list[Run]) -> str:
        """Take runs out of the sweep, and say which; MLflow keeps them as deleted ones."""
        from mlflow.exceptions import MlflowException

        try:
            for run in runs:
                client.set_tag(run.info.run_id, Tag.SWEEP_ID, f"{self._manifest.sweep_id}{SET_ASIDE}")
                client.delete_run(run.info.run_id)
        except MlflowException as error:
            raise OSError(reason(error)) from error
        return f"set aside, as deleted runs: {', '.join(run.info.run_id for run in runs)}" if runs else ""

    def _describe(self, assignment: Assignment) -> RunDescription:
        run = describe(self._contests[assignment.contest], assignment)
        return with_note(run, self._sweep, self._manifest, self._folder.storage)


def _difference(client: MlflowClient, run: Run, expected: Values) -> _Problem | None:
    """In which values a run in MLflow is not as its record says."""
    points = [
        ((name, point.step), from_store(point.value))
        for name in run.data.metrics
        for point in client.get_metric_history(run.info.run_id, name)
    ]
    found, times = dict(points), Counter(key for key, _ in points)
    if twice := [key for key, count in times.items() if count > 1]:
        told = f"{len(twice)} of {len(expected)} values are in MLflow more than once, such as {_named(twice[0])}"
        return _Problem(told, spoilt=True, kind=Kind.TWICE)
    if other := [key for key, value in found.items() if not _same(expected.get(key), value)]:
        told = f"{len(other)} of {len(found)} values are others in MLflow, such as {_named(other[0])}"
        return _Problem(told, spoilt=True)
    if lost := [key for key in expected if key not in found]:
        told = f"{len(lost)} of {len(expected)} values are not in MLflow, such as {_named(lost[0])}"
        return _Problem(told, kind=Kind.LOST)
    return None


def _same(recorded: float | None, found: float) -> bool:
    return recorded == found or (recorded is not None and math.isnan(recorded) and math.isnan(found))


def _named(key: tuple[str, int]) -> str:
    name, step = key
    return f"{name} at step {step}"
