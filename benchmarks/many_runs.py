"""A sweep of a thousand runs as MLflow holds it, made up in a minute: real spaces, tags and files, invented curves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cluster.storage.sweep_folder import SweepFolder, sweep_yaml
from cluster.tracking.curves_artifact import write_curves
from cluster.tracking.run_description import describe_summary
from search_spaces import Sweep, parse_sweep
from search_spaces.space.space import hyperparameters
from search_spaces.tracking.codec import parameters
from trainables.mlflow_contract import Status, Tag
from trainables.tune.checkpoint import TrialFolder

SWEEP = """\
name: many
question: How long does a report over a thousand runs take?
workload: {{name: mlp/digits, epochs: {epochs}, batch_size: 64}}
metric: {{name: val/loss, goal: minimize, target: 0.3}}
baseline: adam
arms:
  adam:      {{optimizer: adam}}
  adamw:     {{optimizer: adamw}}
  scheduled: {{optimizer: moment_adam, space: [lr, beta_schedules]}}
  orders:    {{optimizer: moment_adam, space: [lr, moment_orders]}}
  memory:    {{optimizer: moment_adam, space: [lr, memory]}}
  sgd:       {{optimizer: sgd}}
search:    {{method: random, trials: {trials}, seed: 0}}
scheduler: {{type: asha, grace: 2, eta: 3}}
confirm:   {{top_k: 1, seeds: [1, 2, 3, 4, 5]}}
"""
STEPS_PER_EPOCH, EPOCHS = 20, 40
START = 1_767_225_600_000


def make_runs(storage: Path, trials: int) -> str:
    """Fill an MLflow database in `storage` with `trials` an arm and 5 confirmations each; returns its URI."""
    from mlflow.tracking import MlflowClient

    sweep = parse_sweep(SWEEP.format(epochs=EPOCHS, trials=trials))
    folder = SweepFolder(storage, sweep.name)
    uri = f"sqlite:///{storage / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment(f"adamant/{sweep.name}", (storage / "artifacts").as_uri())
    ids = []
    for trial_id, tags, settings, curve, outcome in _runs(sweep, trials):
        ids.append(trial_id)
        _write_run(client, experiment, {**tags, "trial.id": trial_id}, settings, curve, outcome)
        folder.trial(trial_id).mkdir(parents=True)
        TrialFolder(folder.trial(trial_id)).write_record({"curve": curve})
    tags = {**describe_summary(sweep).tags, "sweep.id": "many-1", "trial.id": "summary"}
    summary = client.create_run(experiment, START, tags, "summary").info.run_id
    client.log_text(summary, sweep_yaml(sweep), "sweep.yaml")
    client.log_artifact(summary, str(write_curves(folder, ids, lambda _missing: {})))
    client.set_terminated(summary)
    return uri


def _runs(sweep: Sweep, trials: int) -> Iterator[tuple[str, dict[str, str], dict[str, Any], list[dict], str]]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    generator = np.random.default_rng(0)
    for arm in sweep.arms:
        space = sweep.arms[arm].space
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        found = [space.suggest(study.ask()) for _ in range(trials)]
        shared = {"sweep.id": "many-1", "arm": arm, "workload": "mlp/digits", "optimizer": sweep.arms[arm].optimizer}
        for number, settings in enumerate(found):
            outcome = ("finished", "pruned", "pruned", "diverged")[number % 4]
            epochs = {"finished": EPOCHS, "pruned": 2 + 4 * (number % 3), "diverged": 1}[outcome]
            tags = {**shared, "sweep.role": "trial", "seed": "0"}
            yield f"{arm}/{number}", tags, settings, _curve(generator, settings, epochs), outcome
        for number, seed in enumerate(sweep.confirm.seeds):
            tags = {**shared, "sweep.role": "confirm", "seed": str(seed), "confirm.of": f"{arm}/0"}
            yield f"{arm}/confirm/{number}", tags, found[0], _curve(generator, found[0], EPOCHS), "finished"


def _curve(generator: np.random.Generator, settings: dict[str, Any], epochs: int) -> list[dict[str, float]]:
    floor = 0.1 + 0.05 * abs(math.log10(settings["lr"] / 3e-3)) + 0.02 * generator.random()
    noise = 1 + 0.05 * generator.standard_normal((epochs, 2))
    return [
        {
            "step": STEPS_PER_EPOCH * epoch,
            "epoch": epoch,
            "timestamp": START + 200 * epoch,
            "train/loss": 0.8 * (floor + 2 / epoch) * noise[epoch - 1, 0],
            "val/loss": (floor + 2 / epoch) * noise[epoch - 1, 1],
            "val/accuracy": 1 - 0.2 * floor - 0.5 / epoch,
            "optim/lr": settings["lr"],
            "optim/beta1": 0.9 * 0.99**epoch,
            "optim/beta2": 0.999,
            "optim/update_norm": 0.1 / epoch,
        }
        for epoch in range(1, epochs + 1)
    ]


def _write_run(
    client: Any, experiment: str, tags: dict[str, str], settings: dict, curve: list[dict], outcome: str
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    last = curve[-1]
    metrics = [
        Metric(name, value, int(point["timestamp"]), int(point["step"]))
        for point in curve
        for name, value in point.items()
        if "/" in name
    ]
    summary = {"summary/steps": last["step"], "summary/final_val_loss": last["val/loss"], "summary/train_seconds": 1.0}
    if tags["sweep.role"] == "confirm":
        summary["test/accuracy"] = last["val/accuracy"] - 0.01 * (curve[0]["val/loss"] % 0.1)
    metrics += [Metric(name, value, START, 0) for name, value in summary.items()]
    run_id = client.create_run(experiment, START, tags, tags["trial.id"]).info.run_id
    given = parameters(
        tags[Tag.ARM], {"epochs": EPOCHS, "batch_size": 64, "hyperparameters": hyperparameters(settings)}
    )
    params = [Param(name, str(value)) for name, value in given.items()]
    client.log_batch(run_id, metrics, params, [RunTag("status.reason", outcome)])
    client.set_terminated(run_id, Status(outcome).mlflow, START + 200 * int(last["epoch"]))
