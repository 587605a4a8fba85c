"""From an assignment to what is trained and to what MLflow shows of it: names, tags, parameters."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import trainables
from cluster import distribution
from cluster.source_tree import SOURCE_ROOT
from cluster.tracking._tracked_runs import NOTE_TAG
from cluster.tracking.run_description import DataDescription, RunDescription
from search_spaces import Sweep, arm_colour
from search_spaces.schema.sweep import Contest
from search_spaces.study.study import Assignment
from trainables import TrialSpec

# MLflow marks KILLED with the red cross of FAILED. A pruned trial has done all that was asked of it; the tag
# `status.reason`, a column of the views, tells it from one that trained to its end.
MLFLOW_STATUS = {"finished": "FINISHED", "pruned": "FINISHED", "diverged": "FAILED", "failed": "FAILED"}
# A job's copy of the rooms is in no repository, so it is told the commit of what it was made from.
COMMIT_VARIABLE = "ADAMANT_GIT_COMMIT"
RECORDED_PACKAGES = ("torch", "torchvision", "numpy", "ray", "optuna", "mlflow", "scikit-learn")


def trial_spec(sweep: Sweep, assignment: Assignment) -> TrialSpec:
    """What the assignment trains, under the sweep's budget."""
    workload = trainables.get(sweep.workload.name)
    return TrialSpec(
        workload=workload.name,
        epochs=sweep.workload.evaluations or workload.epochs,
        evaluate_every=sweep.workload.interval if sweep.workload.steps else None,
        batch_size=sweep.workload.batch_size or workload.batch_size,
        optimizer=sweep.arms[assignment.arm].optimizer,
        hyperparameters=assignment.hyperparameters,
        seed=assignment.seed,
        metric=sweep.metric.name,
        goal=sweep.metric.goal,
        target=sweep.metric.target,
        test=assignment.role == "confirm",
        training={**sweep.workload.training, **assignment.training},
        options=sweep.workload.options,
    )


def describe(sweep: Sweep, assignment: Assignment) -> RunDescription:
    """The MLflow run of an assignment."""
    spec = trial_spec(sweep, assignment)
    tags = {
        "sweep.name": sweep.name,
        "sweep.role": assignment.role,
        "arm": assignment.arm,
        "optimizer": spec.optimizer,
        "workload": spec.workload,
        "seed": str(spec.seed),
        "config.hash": spec.config_hash,
        "trial.spec": json.dumps(spec.to_dict()),
        "mlflow.runColor": arm_colour(sweep, assignment.arm),
        **_contest_tags(assignment.contest),
        **environment(),
    }
    if sweep.resources.workers > 1:
        tags["workers"] = str(sweep.resources.workers)
    if assignment.parent is not None:
        tags["population.parent"] = assignment.parent
    if assignment.confirms is not None:
        tags["confirm.of"] = f"{assignment.path}/{assignment.confirms}"
    steps = spec.evaluate_every and spec.epochs * spec.evaluate_every
    budget = {"epochs": spec.epochs} if steps is None else {"steps": steps, "evaluate_every": spec.evaluate_every}
    params: dict[str, Any] = {"arm": assignment.arm, **budget, "batch_size": spec.batch_size}
    params |= {**dotted("training", spec.training), **dotted("workload", spec.options)}
    params |= dotted("optimizer", spec.hyperparameters)
    return RunDescription(assignment.trial_id, tags, params, data=_data(spec))


def _data(spec: TrialSpec) -> DataDescription:
    """The data set is named as the workload's second half, and comes from code: the module that reads its files."""
    entry = trainables.get(spec.workload)
    chosen = {name: str(spec.options[name]) for name in entry.data_options if name in spec.options}
    return DataDescription(
        spec.workload.partition("/")[2], {"data": entry.data, "read by": entry.data_module, **chosen}
    )


def describe_summary(sweep: Sweep) -> RunDescription:
    """The one run that holds the sweep's file, report and outcome.

    Of several workloads each has score tags of its own, such as ``score.metric/digits``.
    """
    tags = {
        "sweep.name": sweep.name,
        "sweep.role": "summary",
        "workload": ", ".join(workload.name for workload in sweep.by_workload.values()),
        NOTE_TAG: sweep.question,
        **environment(),
    }
    for name, workload in sweep.by_workload.items():
        entry = trainables.get(workload.name)
        score = {"score.metric": entry.score, "score.goal": entry.score_goal, "score.note": entry.score_note}
        tags |= {"/".join(filter(None, (tag, name))): value for tag, value in score.items()}
    return RunDescription("summary", tags)


def _contest_tags(contest: Contest) -> dict[str, str]:
    """Of a sweep over several workloads, or with several studies: which of them."""
    tags = {"sweep.workload": contest.workload, "sweep.study": str(contest.study or "")}
    return {name: value for name, value in tags.items() if value}


def dotted(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten nested settings: ``optimizer.beta1_schedule.kind``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}.{key}"
        flat.update(dotted(name, value) if isinstance(value, Mapping) else {name: value})
    return flat


@lru_cache
def environment() -> dict[str, str]:
    """Tags ``versions`` (JSON) and ``git.commit`` (``+changes`` for a changed tree; empty outside a checkout)."""
    versions = {"python": platform.python_version()}
    with suppress(metadata.PackageNotFoundError):
        versions["adamant"] = distribution.version()
    for package in RECORDED_PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {"versions": json.dumps(versions), "git.commit": _git_commit()}


def _git_commit() -> str:
    if COMMIT_VARIABLE in os.environ:
        return os.environ[COMMIT_VARIABLE]
    root = SOURCE_ROOT

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", timeout=10, check=True
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root:
            return ""
        commit = git("rev-parse", "HEAD")
        return f"{commit}+changes" if git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return ""
