"""Synthetic sweeps: records in memory, and the same written to a real MLflow store as `cluster` does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "1")

from analysis.data.runs import RunRecord, SweepRecords
from search_spaces import parse_sweep
from trainables.mlflow_contract import Status

LR = {"min": 1e-4, "max": 1e-2, "distribution": "log_uniform"}
START = datetime(2026, 1, 1, tzinfo=UTC)


class Make:
    """Builds records; what is not named takes a plain default."""

    @staticmethod
    def sweep(
        trials: Iterable[RunRecord],
        confirmations: Iterable[RunRecord],
        *,
        name: str = "betas",
        arms: tuple[str, ...] = ("adam", "scheduled"),
        score: str = "test/accuracy",
        target: float | None = 0.08,
        planned: int = 2,
        seeds: tuple[int, ...] = (1, 2, 3, 4, 5),
        top_k: int = 1,
    ) -> SweepRecords:
        content = {
            "name": name,
            "question": "Do scheduled betas help?",
            "workload": {"name": "mlp/digits", "epochs": 20, "batch_size": 64},
            "metric": {"name": "val/loss", "goal": "minimize"} | ({"target": target} if target else {}),
            "baseline": arms[0],
            "arms": {arm: {"optimizer": "adam", "parameters": {"lr": dict(LR)}} for arm in arms},
            "search": {"trials": planned},
            "confirm": {"top_k": top_k, "seeds": list(seeds)},
        }
        return SweepRecords(
            sweep=parse_sweep(yaml.safe_dump(content, sort_keys=False)),
            sweep_id=f"{name}-1",
            score_metric=score,
            score_goal="maximize" if score.endswith("accuracy") else "minimize",
            trials=tuple(trials),
            confirmations=tuple(confirmations),
        )

    @staticmethod
    def trial(arm: str, number: int, value: float | None = None, reason: str = "finished", **params: Any) -> RunRecord:
        metrics = {} if value is None else {"val/loss": value, "summary/final_val_loss": value}
        params = {"optimizer.lr": 0.001} | {f"optimizer.{name}": value for name, value in params.items()}
        return _record(f"{arm}/{number}", 0, reason, params, metrics)

    @staticmethod
    def confirmation(
        arm: str,
        seed: int,
        score: float | None = None,
        *,
        metric: str = "test/accuracy",
        of: int = 0,
        reason: str = "finished",
        steps: float | None = None,
    ) -> RunRecord:
        metrics = {} if score is None else {metric: score}
        if steps is not None:
            metrics["summary/steps_to_target"] = steps
        number = 100 * of + seed
        name = f"{arm}/confirm/{number}"
        return _record(name, seed, reason, {"optimizer.lr": 0.001}, metrics, confirm_of=f"{arm}/{of}")

    @classmethod
    def confirmed(cls, scores: dict[str, list[float]], **changes) -> SweepRecords:
        """A sweep with two finished trials an arm and the given scores on seeds 1, 2, ... of trial 0."""
        metric = changes.get("score", "test/accuracy")
        trials = [cls.trial(arm, number, 0.1 + 0.01 * number) for arm in scores for number in (0, 1)]
        runs = [
            cls.confirmation(arm, seed, score, metric=metric)
            for arm, values in scores.items()
            for seed, score in enumerate(values, start=1)
        ]
        return cls.sweep(trials, runs, arms=tuple(scores), **changes)

    @staticmethod
    def without_times(records: SweepRecords) -> SweepRecords:
        """The records without what MLflow chooses itself."""

        def bare(runs: tuple[RunRecord, ...]) -> tuple[RunRecord, ...]:
            cleared = (replace(run, run_id="", start=START, end=None) for run in runs)
            return tuple(sorted(cleared, key=lambda run: run.trial_id))

        return replace(
            records,
            trials=bare(records.trials),
            confirmations=bare(records.confirmations),
            **{"summary_id": "", "experiment_id": "", "environment": {}, "source": ""},
        )


def _record(
    trial_id: str,
    seed: int,
    reason: str,
    params: dict[str, Any],
    metrics: dict[str, float],
    *,
    confirm_of: str | None = None,
) -> RunRecord:
    arm = trial_id.partition("/")[0]
    end = None if reason == "running" else START
    return RunRecord(trial_id, trial_id, arm, seed, Status(reason), params, metrics, START, end, confirm_of)


@dataclass(frozen=True)
class Store:
    """A real MLflow store in a sqlite file."""

    uri: str
    folder: Path

    def write(self, records: SweepRecords, sweep_yaml: str | None = "", start: int = 0) -> None:
        """`start` (ms) dates the summary; `sweep_yaml` replaces the artifact, None omits it."""
        from mlflow.tracking import MlflowClient

        client, sweep = MlflowClient(self.uri), records.sweep
        name = f"adamant/{sweep.name}"
        found = client.get_experiment_by_name(name)
        artifacts = (self.folder / "artifacts" / sweep.name).as_uri()
        experiment = found.experiment_id if found else client.create_experiment(name, artifacts)
        shared = {"sweep.id": records.sweep_id, "sweep.name": sweep.name}
        for role, runs in (("trial", records.trials), ("confirm", records.confirmations)):
            for run in runs:
                self._write_run(client, experiment, run, shared | {"sweep.role": role})
        tags = {
            "sweep.role": "summary",
            "score.metric": records.score_metric,
            "score.goal": records.score_goal,
        }
        if records.looks is not None:
            tags["looks"] = json.dumps({"planned": records.looks.planned, "taken": records.looks.taken})
        summary = client.create_run(experiment, tags=shared | tags, start_time=1_000_000 + start).info.run_id
        if sweep_yaml is not None:
            client.log_text(summary, sweep_yaml or yaml.safe_dump(sweep.file.plain(), sort_keys=False), "sweep.yaml")
        client.set_terminated(summary)

    def _write_run(self, client, experiment: str, run: RunRecord, tags: dict[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        about = {"arm": run.arm, "optimizer": "adam", "workload": "mlp/digits", "seed": str(run.seed)}
        tags = tags | about | {"trial.id": run.trial_id}
        if run.confirm_of:
            tags["confirm.of"] = run.confirm_of
        run_id = client.create_run(experiment, tags=tags, start_time=int(run.start.timestamp() * 1000)).info.run_id
        metrics = [Metric(name, value, 0, 100) for name, value in run.metrics.items()]
        if "val/loss" in run.metrics:
            metrics.append(Metric("val/loss", 99.0, 0, 50))  # an earlier step, which must not count
        params = [Param(name, str(value)) for name, value in run.params.items()]
        reason = [] if run.status_reason == "running" else [RunTag("status.reason", run.status_reason)]
        client.log_batch(run_id, metrics=metrics, params=params, tags=reason)
        if run.status_reason != "running":
            client.set_terminated(run_id, run.status_reason.mlflow, int(START.timestamp() * 1000))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    from mlflow.tracking import MlflowClient

    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    MlflowClient(uri).search_experiments()  # makes the database
    return Store(uri, folder)


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make


@pytest.fixture(scope="session")
def eventful(make: type[Make]) -> SweepRecords:
    """Each outcome, a run left RUNNING, missing metrics, an unconfirmed arm and one that never finished."""
    arms = ("adam", "scheduled", "memory", "lost")
    trials = [
        make.trial("adam", 0, 0.09),
        make.trial("adam", 1, 0.071, lr=0.002, amsgrad=False),
        make.trial("adam", 2, 0.3, "pruned"),
        make.trial("scheduled", 0, 0.069, **{"beta1_schedule.kind": "linear"}),
        make.trial("scheduled", 1, None),
        make.trial("scheduled", 2, 0.01, "pruned"),
        make.trial("memory", 0, 0.08),
        make.trial("memory", 1, 0.2, "failed"),
        make.trial("memory", 2, 0.5, "running"),
        make.trial("lost", 0, None, "diverged"),
        make.trial("lost", 1, 8.0, "diverged"),
        make.trial("lost", 2, None, "failed"),
    ]
    adam = [0.970, 0.972, 0.968, 0.971, 0.969]
    scheduled = [0.976, 0.977, 0.9745, 0.9755]
    confirmations = [
        make.confirmation("adam", seed, score, of=1, steps=400 + seed) for seed, score in enumerate(adam, 1)
    ]
    confirmations += [
        make.confirmation("scheduled", seed, score, steps=380) for seed, score in enumerate(scheduled[:2], 1)
    ]
    confirmations += [make.confirmation("scheduled", 3, None, reason="diverged")]
    confirmations += [make.confirmation("scheduled", seed, score) for seed, score in enumerate(scheduled[2:], 4)]
    return make.sweep(trials, confirmations, arms=arms, planned=3)
