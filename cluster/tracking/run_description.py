"""A run of MLflow's, beside its curve: name, tags and parameters, by what the study assigns."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trainables
from cluster.tracking.environment import environment
from cluster.tracking.packages_used import packages_used
from search_spaces import Sweep, arm_colour
from search_spaces.study.assignment import Assignment
from search_spaces.sweep.resolved import Contest
from search_spaces.tracking.codec import parameters
from trainables import TrialSpec
from trainables.mlflow_contract import Role, Tag, score_tag

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Run

# MLflow takes at most 36 characters of a data set's digest; the whole one is the tag `data.fingerprint`.
DIGEST_LENGTH = 32
MetricRow = tuple[str, float, int, int]
_CURVE_KEYS = ("step", "epoch", "timestamp")


@dataclass(frozen=True)
class DataDescription:
    """The name of a data set, and what is to be known of its source."""

    name: str
    source: Mapping[str, str]

    def as_input(self, fingerprint: str) -> DatasetInput:
        """The data set as MLflow's input of a run, with the start of its fingerprint as digest."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(self.name, fingerprint[:DIGEST_LENGTH], "code", json.dumps({"tags": dict(self.source)}))
        return DatasetInput(dataset, [InputTag(Tag.DATA_CONTEXT, "training")])


@dataclass(frozen=True)
class RunDescription:
    """A run's name, tags and parameters; ``trial_id`` (tag ``trial.id``) is what the run is found by again.

    ``data`` is what it is trained on. ``note`` writes the Markdown of its page, given the run's id.
    """

    trial_id: str
    tags: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    data: DataDescription | None = None
    note: Callable[[str], str] | None = None


def trial_spec(sweep: Sweep, assignment: Assignment) -> TrialSpec:
    """What the assignment trains, under the sweep's budget."""
    return TrialSpec(
        workload=sweep.workload.name,
        epochs=sweep.workload.evaluations,
        evaluate_every=sweep.workload.interval,
        batch_size=sweep.workload.batch_size,
        optimizer=sweep.arms[assignment.arm].optimizer,
        hyperparameters=assignment.hyperparameters,
        seed=assignment.seed,
        metric=sweep.metric.name,
        goal=sweep.metric.goal,
        target=sweep.metric.target,
        test=assignment.role == Role.CONFIRM,
        training={**sweep.workload.training, **assignment.training},
        options=dict(sweep.workload.options),
        code=sweep.code.digest,
    )


def describe(sweep: Sweep, assignment: Assignment) -> RunDescription:
    """The MLflow run of an assignment."""
    spec = trial_spec(sweep, assignment)
    plain = spec.to_dict()
    tags: dict[str, str] = {
        Tag.SWEEP_NAME: sweep.name,
        Tag.SWEEP_ROLE: assignment.role,
        Tag.ARM: assignment.arm,
        Tag.OPTIMIZER: spec.optimizer,
        Tag.WORKLOAD: spec.workload,
        Tag.SEED: str(spec.seed),
        Tag.CONFIG_HASH: spec.config_hash,
        Tag.TRIAL_SPEC: json.dumps(plain),
        Tag.RUN_COLOUR: arm_colour(sweep, assignment.arm),
        **_contest_tags(assignment.contest),
        **environment(packages_used(sweep)),
    }
    if sweep.resources.workers > 1:
        tags[Tag.WORKERS] = str(sweep.resources.workers)
    if assignment.parent is not None:
        tags[Tag.POPULATION_PARENT] = assignment.parent
    if assignment.confirms is not None:
        tags[Tag.CONFIRM_OF] = f"{assignment.path}/{assignment.confirms}"
    return RunDescription(assignment.trial_id, tags, parameters(assignment.arm, plain), data=_data(spec))


def _data(spec: TrialSpec) -> DataDescription:
    """The data set is named as the workload's second half, and comes from code: the module that reads its files.

    A workload of a user's own gives its whole name to both.
    """
    entry = trainables.get(spec.workload)
    given = {name: spec.options.get(name) for name in entry.data_options}
    chosen = {name: str(value) for name, value in given.items() if value not in (None, [])}
    return DataDescription(
        spec.workload.partition("/")[2] or spec.workload, {"data": entry.data, "read by": entry.data_module, **chosen}
    )


def describe_summary(sweep: Sweep) -> RunDescription:
    """The one run that holds the sweep's file, report and outcome.

    Of several workloads each has score tags of its own, such as ``score.metric/digits``.
    """
    tags: dict[str, str] = {
        Tag.SWEEP_NAME: sweep.name,
        Tag.SWEEP_ROLE: Role.SUMMARY,
        Tag.WORKLOAD: ", ".join(workload.name for workload in sweep.by_workload.values()),
        Tag.NOTE: sweep.question,
        **environment(packages_used(sweep)),
    }
    if sweep.code.digest:
        tags[Tag.CODE] = ", ".join(sweep.code.described())
    for name, workload in sweep.by_workload.items():
        entry = trainables.get(workload.name)
        metric, goal = entry.score_with(workload.options)
        score = {Tag.SCORE_METRIC: metric, Tag.SCORE_GOAL: goal, Tag.SCORE_NOTE: entry.score_note}
        tags |= {score_tag(tag, name): value for tag, value in score.items()}
    return RunDescription(Role.SUMMARY, tags)


def _contest_tags(contest: Contest) -> dict[str, str]:
    """Of a sweep over several workloads, or with several studies: which of them."""
    tags: dict[str, str] = {Tag.SWEEP_WORKLOAD: contest.workload, Tag.SWEEP_STUDY: str(contest.study or "")}
    return {name: value for name, value in tags.items() if value}


def changed_parameter(found: Run, run: RunDescription) -> str:
    """Return the first parameter that a run in MLflow has otherwise; empty when there is none."""
    from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH

    for name, value in run.params.items():
        kept, now = found.data.params.get(name), str(value)[:MAX_PARAM_VAL_LENGTH]
        if kept is not None and kept != now:
            return f"{name} ({kept}, not {now})"
    return ""


def metric_rows(curve: Sequence[Mapping[str, float]]) -> list[MetricRow]:
    """Name, value, time in ms and step of every metric in the points of a curve."""
    return [
        (name, value, int(point["timestamp"]), int(point["step"]))
        for point in curve
        for name, value in point.items()
        if name not in _CURVE_KEYS
    ]
