"""A sweep that is trained in this process, without Ray: everything that it records is real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from ray.tune.utils import flatten_dict

from cluster.run._trial_config import trial_config
from cluster.run.announcing import announce
from cluster.run.closing import close_run
from cluster.run.conclusion import conclude
from cluster.run.sweeps import Places
from cluster.storage.sweep_folder import SweepFolder
from cluster.tracking.run_description import describe, describe_summary
from cluster.tracking.run_notes import with_note
from cluster.tracking.tracker import Tracker
from search_spaces import parse_sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies, open_arms
from search_spaces.study.assignment import Assignment
from search_spaces.study.searcher import _outcome_of
from trainables.mlflow_contract import Status
from trainables.tune.trial import Trial

SWEEP = """
name: small
question: Is all of it recorded?
workload: {name: mlp/digits, epochs: 2}
baseline: adam
arms:
  adam: {optimizer: adam, space: [lr]}
  sgd: {optimizer: sgd, parameters: {lr: {distribution: log_uniform, min: 0.01, max: 1.0}}}
search: {method: random, trials: 2}
confirm: {seeds: [1]}
scheduler: {type: none}
"""


def train_small_sweep(storage: Path, *, runs: int | None = None, name: str = "small") -> SweepFolder:
    """Train the sweep, the rest of it or so many runs, and return its folder."""
    torch.set_num_threads(1)
    sweep = parse_sweep(SWEEP.replace("name: small", f"name: {name}"), f"{name}.yaml")
    folder = SweepFolder(storage, name)
    if not folder.exists:
        folder.path.mkdir(parents=True)
        folder.create(sweep, Places(str(storage)).manifest(name))
    manifest = folder.manifest()
    arms = open_arms(open_storage(manifest.study_location), sweep)
    tracker = Tracker(manifest.tracking_location, sweep.name, manifest.sweep_id, folder.artifacts)
    summary = describe_summary(sweep)
    announce(tracker, summary, folder, sweep, manifest)
    for trained, assignment in enumerate(_wanted(arms)):
        if trained == runs:
            tracker.close()
            return folder
        arm = arms[assignment.path]
        trial = Trial(trial_config(folder, manifest, arm, assignment))
        while not (result := trial.step())["done"]:
            pass
        outcome = _outcome_of(assignment, flatten_dict(result))
        for one, settled in arm.hear(assignment, dict(result["decided"]), outcome):
            if settled.outcome is not None:
                described = with_note(describe(arm.sweep, one), sweep, manifest, folder.storage)
                close_run(described, folder, tracker, one, settled.outcome)
    conclude(folder, sweep, arms, tracker, summary)
    tracker.end(summary, Status.FINISHED)
    assert tracker.close(60)
    return folder


def _wanted(arms: dict[str, ArmStudies]) -> Iterator[Assignment]:
    while (wanted := next(filter(None, (arm.next() for arm in arms.values())), None)) is not None:
        yield wanted
