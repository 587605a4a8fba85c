"""The names under which a sweep stands in MLflow: tags, parameters, metrics, files, roles and statuses.

Every room takes them from here: a trial writes the first of them, the verdict reads the last. Whole metric names, such
as ``val/loss``, are each workload's own; here stand their prefixes and the metrics that the project measures itself.
The values are those of every version before, so that its runs stay readable.
"""

from __future__ import annotations

import math
import re
import sys
from enum import StrEnum


class Role(StrEnum):
    """What a run is for: the tag ``sweep.role``."""

    TRIAL = "trial"
    CONFIRM = "confirm"
    SUMMARY = "summary"


class MlflowStatus(StrEnum):
    """MLflow's own status of a run."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Status(StrEnum):
    """How a run ended, or that it has not: the tag ``status.reason``."""

    FINISHED = "finished"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RUNNING = "running"

    @property
    def mlflow(self) -> MlflowStatus:
        """The status that MLflow is given.

        MLflow marks KILLED with the red cross of FAILED, and a pruned trial has done all that was asked of it: it is
        FINISHED, and the tag, a column of the views, tells it from one that trained to its end.
        """
        return _MLFLOW_STATUS[self]


_MLFLOW_STATUS = {
    Status.FINISHED: MlflowStatus.FINISHED,
    Status.PRUNED: MlflowStatus.FINISHED,
    Status.DIVERGED: MlflowStatus.FAILED,
    Status.FAILED: MlflowStatus.FAILED,
    Status.INTERRUPTED: MlflowStatus.KILLED,
    Status.RUNNING: MlflowStatus.RUNNING,
}


def status_of(mlflow_status: str, reason: str | None) -> Status:
    """Return a run's status by MLflow's status and its tag ``status.reason``, which a run that was killed may lack.

    Raises ValueError for a reason that is no status.
    """
    if mlflow_status not in _UNTOLD:  # an unfinished run may carry the reason of an earlier attempt
        return Status.RUNNING
    return _UNTOLD[mlflow_status] if reason is None else Status(reason)


_UNTOLD: dict[str, Status] = {
    MlflowStatus.FINISHED: Status.FINISHED,
    MlflowStatus.FAILED: Status.FAILED,
    MlflowStatus.KILLED: Status.INTERRUPTED,
}


class Tag(StrEnum):
    """Tags of runs and of a sweep's experiment."""

    # Of every run.
    SWEEP_ID = "sweep.id"
    SWEEP_NAME = "sweep.name"
    SWEEP_ROLE = "sweep.role"
    TRIAL_ID = "trial.id"
    STATUS_REASON = "status.reason"
    WORKLOAD = "workload"
    GIT_COMMIT = "git.commit"
    VERSIONS = "versions"
    # Of a run of which MLflow has refused a part: why. A resume sends such a run again.
    STATUS_INCOMPLETE = "status.incomplete"
    # Of trials and confirmations.
    ARM = "arm"
    OPTIMIZER = "optimizer"
    SEED = "seed"
    CONFIG_HASH = "config.hash"
    TRIAL_SPEC = "trial.spec"
    STATUS_DETAIL = "status.detail"
    CONFIRM_OF = "confirm.of"
    POPULATION_PARENT = "population.parent"
    SWEEP_WORKLOAD = "sweep.workload"
    SWEEP_STUDY = "sweep.study"
    WORKERS = "workers"
    NODE = "node"
    DEVICE = "device"
    PROCESSOR = "processor"
    DATA_FINGERPRINT = "data.fingerprint"
    DATA_NOTE = "data.note"
    WEIGHTS_SHA256 = "weights.sha256"
    # Of the summary run. Over several workloads those of the score have one for each, see `score_tag`.
    SCORE_METRIC = "score.metric"
    SCORE_GOAL = "score.goal"
    SCORE_NOTE = "score.note"
    # What the sweep uses of a user's own code: files and packages with their digests.
    CODE = "code"
    # What was found, as a digest; on which kinds of processors; and why it need not be found again, a list in JSON.
    DIGEST = "digest"
    DIGEST_PROCESSORS = "digest.processors"
    DIGEST_DOUBTS = "digest.doubts"
    # Of the file of all curves, see CURVES_FILE.
    CURVES_SHA256 = "curves.sha256"
    PLAN_SEARCH_STEPS = "plan.search_steps"
    PLAN_WALL_S = "plan.wall_s"
    SESSIONS = "sessions"
    # Of a sweep that is judged several times while it grows: after how many pairs that was planned, and done.
    LOOKS = "looks"
    # MLflow's own: what its pages show as description, the colour of curves, the kind of an experiment, a data set's.
    NOTE = "mlflow.note.content"
    RUN_COLOUR = "mlflow.runColor"
    EXPERIMENT_KIND = "mlflow.experimentKind"
    DATA_CONTEXT = "mlflow.data.context"


# Before the name of a view in the tag that keeps it with an experiment.
SHARED_VIEW = "mlflow.sharedViewState."


def finding_tag(arm: str, workload: str) -> str:
    """Return the tag of the summary run that says what a verdict finds of an arm, such as ``finding.scheduled``.

    Its value is the finding, such as ``better`` or ``configuration_better``. Of several workloads each has one of
    its own, ``finding.scheduled/digits``.
    """
    return f"finding.{arm}/{workload}" if workload else f"finding.{arm}"


def score_tag(tag: Tag, workload: str) -> str:
    """Return the summary run's tag of a workload's score; ``workload`` is empty in a sweep over one."""
    return f"{tag}/{workload}" if workload else str(tag)


def session_tag(session: int) -> str:
    """Return the summary run's tag of how long a driver's session took."""
    return f"session.{session}.wall_s"


def tagged(tag: Tag, value: str) -> str:
    """Return MLflow's filter for runs that have the tag."""
    return f"tags.`{tag}` = '{value}'"


class Param(StrEnum):
    """Parameters of trials and confirmations, beside those of the sections below."""

    ARM = "arm"
    EPOCHS = "epochs"
    STEPS = "steps"
    EVALUATE_EVERY = "evaluate_every"
    BATCH_SIZE = "batch_size"


class Section(StrEnum):
    """What stands, with a dot, before the parameters of a part of the configuration."""

    OPTIMIZER = "optimizer"
    TRAINING = "training"
    WORKLOAD = "workload"


class Prefix(StrEnum):
    """What a metric's name begins with."""

    TRAIN = "train/"
    VALIDATION = "val/"
    TEST = "test/"
    OPTIMIZER = "optim/"
    SUMMARY = "summary/"


TRAIN_SECONDS = f"{Prefix.SUMMARY}train_seconds"
STEPS = f"{Prefix.SUMMARY}steps"
STEPS_TO_TARGET = f"{Prefix.SUMMARY}steps_to_target"


def best_of(metric: str) -> str:
    """Return the metric that holds the best value of another over a run."""
    return f"{Prefix.SUMMARY}best_{metric.replace('/', '_')}"


def final_of(metric: str) -> str:
    """Return the metric that holds the last value of another."""
    return f"{Prefix.SUMMARY}final_{metric.replace('/', '_')}"


def is_of_curve(metric: str) -> bool:
    """Whether a metric has a value for each evaluation, and not one for a whole run."""
    return not metric.startswith((Prefix.SUMMARY, Prefix.TEST))


EXPERIMENT_PREFIX = "adamant/"
# After the id of the sweep that a run was of before it was set aside.
SET_ASIDE = " (set aside)"
# Of a storage folder: the artefacts of every run whose tracking is a database, a folder for each experiment.
ARTIFACTS_FOLDER = "mlflow-artifacts"
# Artefacts of the summary run: the sweep, and the curves of all runs, a row for each evaluation.
SWEEP_FILE = "sweep.yaml"
CURVES_FILE = "curves.parquet"
# The user's code that the sweep uses: a folder of the sweep's own, and of the summary run's artefacts.
CODE_FOLDER = "code"
# Of trials and confirmations: their configuration, and the folder of `log_image`.
TRIAL_FILE = "trial.yaml"
PICTURES_FOLDER = "images"
# What `log_image` calls a file: key, step, time and a random name, with a plus or, formerly, a percent between them.
_PICTURE = re.compile(r"(?:.*/)?(.+?)[+%]step[+%](\d+)[+%].*\.png")


def logged_picture(path: str) -> tuple[int, str] | None:
    """Return step and key of an image that a run logged, from its artefact's path; None for another file."""
    match = _PICTURE.fullmatch(path)
    return (int(match[2]), match[1]) if match else None


def from_store(value: float) -> float:
    """Return a metric as it was logged: MLflow's databases keep infinity as the largest finite number."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value
