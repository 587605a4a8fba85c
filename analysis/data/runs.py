"""Reading a sweep's runs out of MLflow as typed records."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from analysis.data._run_tags import SECONDS, read_status, read_tag, seconds_of, tag_of
from analysis.data.found_digest import FoundDigest, read_digest
from analysis.data.looks import Looks, read_looks
from optimizers import InputError, did_you_mean
from optimizers.errors import first_line
from search_spaces.tracking.codec import recorded_parameters
from trainables.mlflow_contract import (
    EXPERIMENT_PREFIX,
    SWEEP_FILE,
    Role,
    Status,
    Tag,
    from_store,
    score_tag,
    tagged,
)

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient

    from search_spaces import Sweep

_PAGE = 1000

Goal = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class RunRecord:
    """One trial or confirmation run.

    `metrics` holds the last value of each metric, `params` the configuration with the values that it was trained
    with, by the names of MLflow's parameters. `confirm_of` is the trial.id of the
    configuration that a confirmation repeats. `workload` is the name that a sweep over several gives it, and
    `study` which of its searches the run belongs to. `detail` says why it failed, where it did.
    """

    run_id: str
    trial_id: str
    arm: str
    seed: int
    status_reason: Status
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    start: datetime
    end: datetime | None
    confirm_of: str | None = None
    workload: str = ""
    study: int = 1
    detail: str = ""

    @property
    def finished(self) -> bool:
        return self.status_reason == Status.FINISHED


@dataclass(frozen=True)
class SweepRecords:
    """Everything MLflow knows about a sweep on one workload: what was asked, and each run.

    `workload` is its name in a sweep over `workloads` of them. `score_note` is what must be known to read the
    score, a sentence, or empty. `planned_steps` are the optimizer steps that each arm's search was expected to
    take, where that is recorded; `seconds` and `planned_seconds` are the wall time of the whole sweep. `summary_id` and
    `experiment_id` are MLflow's of the summary run, and `environment` what that run says of where the sweep was run:
    `git.commit`, and versions by package. `source` is the text of the whole sweep's file. `looks` are those of a
    sweep that is judged several times while it grows.
    """

    sweep: Sweep
    sweep_id: str
    score_metric: str
    score_goal: Goal
    trials: tuple[RunRecord, ...]
    confirmations: tuple[RunRecord, ...]
    score_note: str = ""
    planned_steps: Mapping[str, float] = field(default_factory=dict)
    workload: str = ""
    workloads: int = 1
    seconds: float | None = None
    planned_seconds: float | None = None
    summary_id: str = ""
    experiment_id: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    looks: Looks | None = None
    digest: FoundDigest | None = None


def read_sweep(sweep_name: str, tracking_uri: str) -> tuple[SweepRecords, ...]:
    """Read the sweep `sweep_name`, a part for each of its workloads; where it was run more than once, the newest.

    Raises InputError when the store cannot be read, has no such sweep, or holds one without its summary run.
    """
    from search_spaces import recorded_sweep
    from search_spaces.tracking.logged_code import logged_code

    client, experiment = _open(sweep_name, tracking_uri)
    summary = _newest_summary(client, experiment.experiment_id, sweep_name)
    sweep_id = tag_of(summary, Tag.SWEEP_ID)
    runs = _search(client, experiment.experiment_id, tagged(Tag.SWEEP_ID, sweep_id))
    trials, confirmations = _records(runs, Role.TRIAL), _records(runs, Role.CONFIRM)
    source = _read_source(client, summary, sweep_name)
    code = logged_code(client, summary)
    sweep = recorded_sweep(source, f"{SWEEP_FILE} of run {summary.info.run_id}", code)
    _check_arms(sweep, (*trials, *confirmations))
    parts = (_on_workload(name, sweep, summary, trials, confirmations) for name in sweep.by_workload)
    return tuple(replace(part, source=source) for part in parts)


def _check_arms(sweep: Sweep, runs: Iterable[RunRecord]) -> None:
    for run in runs:
        if run.arm not in sweep.arms:
            raise InputError(
                f'Run {run.run_id}: its arm "{run.arm}" is none of the sweep\'s, {", ".join(sweep.arms)}; delete the '
                "run in MLflow, or correct its tag"
            )


def _on_workload(
    name: str, sweep: Sweep, summary: Run, trials: tuple[RunRecord, ...], confirmations: tuple[RunRecord, ...]
) -> SweepRecords:
    tags = summary.data.tags
    score_goal = score_tag(Tag.SCORE_GOAL, name)
    goal = tag_of(summary, score_goal)
    if goal not in ("minimize", "maximize"):
        raise InputError(f'Run {summary.info.run_id}: {score_goal} is "{goal}", not "minimize" or "maximize".')
    planned = read_tag(summary, Tag.PLAN_SEARCH_STEPS, dict[str, float], {})
    prefix = f"{name}/" if name else ""
    return SweepRecords(
        sweep=sweep.on(name),
        sweep_id=tag_of(summary, Tag.SWEEP_ID),
        score_metric=tag_of(summary, score_tag(Tag.SCORE_METRIC, name)),
        score_goal=cast(Goal, goal),
        trials=tuple(run for run in trials if run.workload == name),
        confirmations=tuple(run for run in confirmations if run.workload == name),
        score_note=tags.get(score_tag(Tag.SCORE_NOTE, name), ""),
        planned_steps={arm: planned[prefix + arm] for arm in sweep.arms if prefix + arm in planned},
        workload=name,
        workloads=len(sweep.by_workload),
        seconds=seconds_of(summary),
        planned_seconds=read_tag(summary, Tag.PLAN_WALL_S, float, None, **SECONDS),
        summary_id=summary.info.run_id,
        experiment_id=summary.info.experiment_id,
        digest=read_digest(tags, summary.info.run_id),
        looks=read_looks(tags[Tag.LOOKS], summary.info.run_id) if Tag.LOOKS in tags else None,
        environment={
            str(Tag.GIT_COMMIT): tags.get(Tag.GIT_COMMIT, ""),
            **read_tag(summary, Tag.VERSIONS, dict[str, str], {}),
        },
    )


def _open(sweep_name: str, tracking_uri: str) -> tuple[MlflowClient, Experiment]:
    from search_spaces.stores.addresses import without_password
    from search_spaces.stores.mlflow_schema import database_problem
    from search_spaces.tracking.artifact_addresses import readable_database

    with warnings.catch_warnings():
        # In a notebook, tqdm would have ipywidgets, for bars that nothing here shows.
        warnings.filterwarnings("ignore", message="IProgress not found")
        from mlflow.tracking import MlflowClient

    if problem := database_problem(tracking_uri):
        raise InputError(f'Tracking store "{without_password(tracking_uri)}" cannot be read: {problem}')
    try:
        client = MlflowClient(readable_database(tracking_uri))
        experiment = client.get_experiment_by_name(EXPERIMENT_PREFIX + sweep_name)
        if experiment is not None:
            return client, _not_deleted(experiment, sweep_name)
        experiments = _pages(
            lambda token: client.search_experiments(
                filter_string=f"name LIKE '{EXPERIMENT_PREFIX}%'", max_results=_PAGE, page_token=token
            )
        )
        existing = sorted(found.name.removeprefix(EXPERIMENT_PREFIX) for found in experiments)
    except InputError:
        raise
    except Exception as error:  # MLflow's own, SQLAlchemy's, and those of its plugins
        raise InputError(
            f'Tracking store "{without_password(tracking_uri)}" cannot be read: {without_password(first_line(error))}'
        ) from error
    known = f"There are: {', '.join(existing)}." if existing else "It holds no sweep at all."
    nearest = did_you_mean(sweep_name, existing)
    raise InputError(f'No sweep "{sweep_name}" in tracking store "{without_password(tracking_uri)}".{nearest} {known}')


def _not_deleted(experiment: Experiment, sweep_name: str) -> Experiment:
    if experiment.lifecycle_stage == "active":
        return experiment
    raise InputError(
        f'Sweep "{sweep_name}" was deleted in MLflow. To restore it, set MLFLOW_TRACKING_URI to its tracking store and '
        f"run: mlflow experiments restore --experiment-id {experiment.experiment_id}"
    )


def _newest_summary(client: MlflowClient, experiment_id: str, sweep_name: str) -> Run:
    found = client.search_runs(
        [experiment_id],
        filter_string=tagged(Tag.SWEEP_ROLE, Role.SUMMARY),
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    if found:
        return found[0]
    raise InputError(f'Sweep "{sweep_name}" has no summary run, so what it asked is unknown.')


def _read_source(client: MlflowClient, summary: Run, sweep_name: str) -> str:
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # one small file needs no bar
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = client.download_artifacts(summary.info.run_id, SWEEP_FILE, folder)
            return Path(path).read_text(encoding="utf-8")
        except Exception as error:  # each kind of artifact store raises its own
            raise InputError(
                f'Sweep "{sweep_name}": {SWEEP_FILE} of run {summary.info.run_id} cannot be read: {first_line(error)}'
            ) from error


def _search(client: MlflowClient, experiment_id: str, filter_string: str) -> list[Run]:
    return _pages(
        lambda token: client.search_runs(
            [experiment_id], filter_string=filter_string, max_results=_PAGE, page_token=token
        )
    )


def _pages(fetch: Callable[[str | None], Any]) -> list[Any]:
    page = fetch(None)
    found = list(page)
    while page.token:
        page = fetch(page.token)
        found.extend(page)
    return found


def _records(runs: Iterable[Run], role: Role) -> tuple[RunRecord, ...]:
    """The runs of one role by start; of several with one trial.id the newest: no seed counts twice."""
    records = sorted(
        (_record(run) for run in runs if run.data.tags.get(Tag.SWEEP_ROLE) == role),
        key=lambda record: (record.start, record.trial_id),
    )
    return tuple({record.trial_id: record for record in records}.values())


def _record(run: Run) -> RunRecord:
    info, tags = run.info, run.data.tags
    seed = tag_of(run, Tag.SEED)
    if not seed.lstrip("-").isdecimal():
        raise InputError(f'Run {info.run_id}: tag seed is "{seed}", not a whole number.')
    return RunRecord(
        run_id=info.run_id,
        trial_id=tag_of(run, Tag.TRIAL_ID),
        arm=tag_of(run, Tag.ARM),
        seed=int(seed),
        status_reason=read_status(run),
        params=recorded_parameters(run.data.params, tags),
        metrics={name: from_store(value) for name, value in run.data.metrics.items()},
        start=_time(info.start_time),
        end=_time(info.end_time) if info.end_time else None,
        confirm_of=tags.get(Tag.CONFIRM_OF),
        workload=tags.get(Tag.SWEEP_WORKLOAD, ""),
        study=read_tag(run, Tag.SWEEP_STUDY, int, 1, ge=1),
        detail=tags.get(Tag.STATUS_DETAIL, ""),
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
