"""Repeating a recorded run and comparing it, number by number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trainables
from cluster.storage.sweep_folder import SweepFolder
from cluster.storage.trust import check_trust
from cluster.tracking.environment import environment
from cluster.tracking.mlflow_errors import reason
from optimizers import InputError, user_code
from optimizers.user_code import CodeBundle
from search_spaces.stores.addresses import without_password
from search_spaces.stores.mlflow_schema import check_database
from search_spaces.tracking.artifact_addresses import readable_database
from search_spaces.tracking.logged_code import logged_code
from trainables import TrialSpec
from trainables.mlflow_contract import EXPERIMENT_PREFIX, Prefix, Role, Tag, tagged

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from trainables.training.training_run import Training

Curve = dict[tuple[str, int], float]


@dataclass(frozen=True)
class Replay:
    """``differences`` names what is not equal to the last digit; ``remarks`` what may explain it."""

    trial_id: str
    compared: int
    differences: tuple[str, ...]
    remarks: tuple[str, ...]


def replay_run(run_id: str, tracking_uri: str, data_root: Path, storage: str, *, trusted: bool = False) -> Replay:
    """Train the run's recorded spec again, as far as it got, on one CPU core, and compare metrics and final weights.

    ``run_id`` is MLflow's, or the sweep's name and the run's, as in "quickstart/adam/confirm/0".

    The user's code that it names is that of its sweep, in ``storage`` or, where it is ``trusted``, in MLflow. Files and
    folders outside of the data folder are read where the sweep in ``storage`` names them too, or where it is
    ``trusted``.

    Raises InputError when there is no such run or when it is none that can be repeated.
    """
    client, run = _find(run_id, tracking_uri)
    tags = run.data.tags
    if Tag.TRIAL_SPEC not in tags:
        raise InputError(
            f"run {run_id}: only runs of trials and confirmations can be repeated; this one has no tag {Tag.TRIAL_SPEC}"
        )
    spec = _spec(run)
    recorded = {
        (name, metric.step): metric.value
        for name in run.data.metrics
        if not name.startswith(Prefix.SUMMARY)  # written by the driver about a run, not by the run
        for metric in client.get_metric_history(run.info.run_id, name)
    }
    if not recorded:
        raise InputError(f"run {run_id}: it holds no metrics to compare with (status {run.info.status})")
    if spec.code:
        user_code.load(_code_of(client, run, spec, storage, trusted))
    if not trusted:
        _check_paths(run, spec, storage)
    training = _train(spec, data_root, until=max(step for _, step in recorded))
    repeated = _curve(training)
    differences = [
        f"{name} at step {step}: recorded {value!r}, repeated {repeated.get((name, step))!r}"
        for (name, step), value in sorted(recorded.items())
        if repeated.get((name, step)) != value
    ]
    if tags.get(Tag.WEIGHTS_SHA256) and tags[Tag.WEIGHTS_SHA256] != training.weights_sha256():
        differences.append("the final weights differ")
    return Replay(tags[Tag.TRIAL_ID], len(recorded), tuple(differences), tuple(_remarks(tags, training)))


def _find(run_id: str, tracking_uri: str) -> tuple[MlflowClient, Run]:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    check_database(tracking_uri)
    client = MlflowClient(tracking_uri=readable_database(tracking_uri))
    try:
        return client, client.get_run(_id_of(client, run_id))
    except MlflowException as error:
        raise InputError(
            f"run {run_id}: not found at {without_password(tracking_uri)} ({reason(error)}); give the id that MLflow "
            "shows of a run, or SWEEP/RUN as in quickstart/adam/confirm/0"
        ) from None


def _id_of(client: MlflowClient, named: str) -> str:
    """MLflow's id of a run that is named by its sweep and its trial id, the newest of several; else what is given."""
    sweep, _, trial_id = named.partition("/")
    experiment = client.get_experiment_by_name(EXPERIMENT_PREFIX + sweep) if trial_id else None
    if experiment is None:
        return named
    role = Role.CONFIRM if f"/{Role.CONFIRM}/" in trial_id else Role.TRIAL
    wanted = f"{tagged(Tag.TRIAL_ID, trial_id)} and {tagged(Tag.SWEEP_ROLE, role)}"
    found = client.search_runs([experiment.experiment_id], wanted, max_results=1, order_by=["start_time DESC"])
    return found[0].info.run_id if found else named


def _spec(run: Run) -> TrialSpec:
    try:
        return TrialSpec.from_dict(json.loads(run.data.tags[Tag.TRIAL_SPEC]))
    except (ValueError, TypeError) as error:
        raise InputError(f"run {run.info.run_id}: its tag {Tag.TRIAL_SPEC} is damaged ({error})") from None


def _check_paths(run: Run, spec: TrialSpec, storage: str) -> None:
    """Raise InputError for a path that only MLflow names, where whoever may write to it could have put any."""
    folder = SweepFolder(storage, run.data.tags.get(Tag.SWEEP_NAME, ""))
    workloads = folder.open()[0].by_workload.values() if folder.exists else ()
    known = [workload.options for workload in workloads if workload.name == spec.workload]
    named = trainables.get(spec.workload).places_among(spec.options)
    named = {name: path for name, path in named.items() if not any(one.get(name) == path for one in known)}
    for name, path in named.items():
        raise InputError(
            f"run {run.info.run_id}: its option {name} is {path}, which MLflow alone names and no sweep in "
            f"{folder.storage}; look at that file, and give --trust to read it"
        )


def _code_of(client: MlflowClient, run: Run, spec: TrialSpec, storage: str, trusted: bool) -> CodeBundle:
    """The code that a run was made with: of its sweep's folder, else of the artefacts of the sweep's summary run."""
    tags = run.data.tags
    folder = SweepFolder(storage, tags[Tag.SWEEP_NAME])
    if folder.exists and folder.code.is_dir() and (kept := folder.bundle()).digest == spec.code:
        check_trust(kept, f"run {run.info.run_id}", trusted=trusted)
        return kept
    of_sweep = f"{tagged(Tag.SWEEP_ID, tags[Tag.SWEEP_ID])} and {tagged(Tag.SWEEP_ROLE, Role.SUMMARY)}"
    summaries = client.search_runs([run.info.experiment_id], of_sweep, max_results=1)
    logged = logged_code(client, summaries[0]) if summaries else CodeBundle()
    if logged.digest != spec.code:
        raise InputError(
            f"run {run.info.run_id}: the code that it was made with is neither in {folder.code} nor in MLflow"
        )
    if not trusted:
        raise InputError(
            f"run {run.info.run_id}: replay executes {', '.join(logged.described())}, which comes from MLflow and is "
            f"not in {folder.path}; read it, and give --trust to execute it"
        )
    return logged


def _train(spec: TrialSpec, data_root: Path, until: int) -> Training:
    import torch

    from trainables.training.training_run import open_training

    torch.set_num_threads(1)
    data = trainables.get(spec.workload).load_data(data_root, spec.options)
    training = open_training(spec, data, torch.device("cpu"))
    training.advance(until)
    return training


def _curve(training: Training) -> Curve:
    curve = {
        (name, int(point["step"])): value for point in training.curve for name, value in point.items() if "/" in name
    }
    if training.spec.test and training.finished:
        curve |= {(name, training.step): value for name, value in training.test_metrics().items()}
    return curve


def _versions(tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the recorded versions by package; none where the tag is damaged, as they only explain."""
    try:
        return dict(json.loads(tags.get(Tag.VERSIONS, "{}")))
    except (ValueError, TypeError):
        return {}


def _remarks(tags: Mapping[str, str], training: Training) -> list[str]:
    remarks = []
    if Tag.WORKERS in tags:
        remarks.append(f"recorded by {tags[Tag.WORKERS]} workers, repeated by one, which adds up in another order")
    if tags.get(Tag.DEVICE, "cpu") not in ("", "cpu"):
        remarks.append(f"recorded on {tags[Tag.DEVICE]}, repeated on the CPU")
    then = _versions(tags)
    now = json.loads(environment(tuple(then))[Tag.VERSIONS])
    changed: dict[str, Any] = {name: (then[name], now.get(name)) for name in then if then[name] != now.get(name)}
    if changed:
        remarks.append(
            "versions changed: " + ", ".join(f"{name} {old} -> {new}" for name, (old, new) in changed.items())
        )
    commits = [tags.get(Tag.GIT_COMMIT) or "no commit", environment()[Tag.GIT_COMMIT] or "no commit"]
    if commits[0] != commits[1]:
        remarks.append(f"code changed: recorded at {commits[0]}, now {commits[1]}")
    if not training.data.is_recorded_as(tags.get(Tag.DATA_FINGERPRINT, training.data.fingerprint)):
        remarks.append("the data is not what it was: its fingerprint differs")
    return remarks
