"""Tables of a sweep, from real stores: whatever happened to its runs, and whichever way the curves come."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

import analysis

if TYPE_CHECKING:
    from tests.analysis.conftest import Make, Store


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_every_run_has_a_row_whatever_became_of_it(store: Store, eventful: analysis.SweepRecords) -> None:
    store.write(eventful)
    tables = analysis.load("betas", store.uri)
    assert len(tables.trials) == len(eventful.trials)
    trials = tables.trials.set_index("trial_id")
    assert trials["outcome"].to_dict() == {run.trial_id: run.status_reason for run in eventful.trials}
    assert trials.loc["adam/1", "value"] == 0.071
    assert trials["value"].isna()["lost/1"], "what diverged has no value, though it had a loss"
    assert trials.loc["adam/1", "optimizer.lr"] == 0.002
    assert trials.loc["adam/1", "optimizer.amsgrad"] is False
    assert trials.loc["scheduled/0", "optimizer.beta1_schedule.kind"] == "linear"
    assert trials.loc["adam/0", "summary/steps_to_target"] == math.inf, "a miss is never"
    assert trials["summary/steps_to_target"].isna()["memory/2"], "it may still come"
    confirmations = tables.confirmations.set_index("trial_id")
    assert confirmations.loc["adam/confirm/101", "confirm_of"] == "adam/1"
    assert confirmations.loc["adam/confirm/101", "test/accuracy"] == 0.970
    assert list(tables.trials)[:3] == ["run_id", "trial_id", "arm"]
    assert tables.workloads == ("mlp/digits",)
    assert tables.on("mlp/digits").trials.equals(tables.trials)


def test_curves_come_from_the_history_where_the_sweep_left_no_file_and_are_kept_once_a_run_has_ended(
    store: Store, make: type[Make], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, open_ = make.trial("adam", 0, 0.1), make.trial("adam", 1, 0.2, "running")
    store.write(make.sweep([ended, open_], [], name="curved", arms=("adam",)))
    client = MlflowClient(store.uri)
    experiment = client.get_experiment_by_name("adamant/curved")
    assert experiment is not None
    ids = {run.data.tags.get("trial.id"): run.info.run_id for run in client.search_runs([experiment.experiment_id])}
    client.log_batch(
        ids["adam/0"],
        [Metric("val/loss", 0.5, 1_767_225_602_000, 200), Metric("optim/lr", 1e-3, 1_767_225_602_000, 200)],
    )
    curves = analysis.load("curved", store.uri).curves
    first = curves[curves["run_id"] == ids["adam/0"]]
    assert list(first["step"]) == [50, 100, 200]
    assert list(first["epoch"]) == [1, 2, 3]
    assert list(first["val/loss"]) == [99.0, 0.1, 0.5]
    assert first["optim/lr"].isna().tolist() == [True, True, False]
    assert first["seconds"].iloc[-1] == 2.0

    asked: list[str] = []
    real = MlflowClient.get_metric_history

    def counted(self: MlflowClient, run_id: str, key: str):
        asked.append(run_id)
        return real(self, run_id, key)

    monkeypatch.setattr(MlflowClient, "get_metric_history", counted)
    client.log_batch(ids["adam/1"], [Metric("val/loss", 0.05, 0, 300)])
    again = analysis.load("curved", store.uri).curves
    assert set(asked) == {ids["adam/1"]}, "a run that goes on is asked for again, one that ended is not"
    assert again[again["run_id"] == ids["adam/1"]]["val/loss"].iloc[-1] == 0.05
    pd.testing.assert_frame_equal(again[again["run_id"] == ids["adam/0"]], first)
    [kept] = cache.glob("curves/*")
    kept.write_bytes(b"cut off")
    assert len(analysis.load("curved", store.uri).curves) == len(again), "a damaged cache is made again"


def test_a_sweep_without_runs_has_empty_tables(store: Store, make: type[Make]) -> None:
    store.write(make.sweep([], [], name="no-runs"))
    tables = analysis.load("no-runs", store.uri)
    assert tables.trials.empty
    assert tables.confirmations.empty
    assert tables.curves.empty
    assert {"run_id", "arm", "outcome", "value"} <= set(tables.trials)
