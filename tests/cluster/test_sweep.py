"""The ready sweep `quickstart`, small, through the front door on a real Ray session: what a user sees and finds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.storages.journal import JournalFileBackend

from tests.conftest import ONE_STUDY, FrontDoor, RayHead, open_front_door

pytestmark = pytest.mark.cluster

TRIALS, SEEDS, EPOCHS = 4, 3, 12


@pytest.fixture(scope="module")
def swept(ray_head: RayHead, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    """A front door whose folder holds a finished sweep; ``out.txt`` is what it printed."""
    for door in open_front_door(tmp_path_factory.mktemp("sweep"), ray_head):
        ended = door(
            "run", "quickstart", *ONE_STUDY, "--json", "verdict.json",
            "--set", f"search.trials={TRIALS}", "--set", "confirm.seeds=[1,2,3]", "--set", f"workload.epochs={EPOCHS}",
            "--set", "scheduler.grace=3",
            # A learning rate at which SGD on this net cannot but diverge.
            "--set", "arms.wild={optimizer: sgd, parameters: {lr: {distribution: log_uniform, min: 1e5, max: 1e6}}}",
        )  # fmt: skip
        assert ended.returncode == 1, "an arm without any finished trial makes the sweep incomplete: exit code 1"
        assert "Traceback" not in ended.stderr, ended.stderr
        (door.folder / "out.txt").write_text(ended.stdout)
        yield door


def runs_of(door: FrontDoor, role: str) -> list[Run]:
    client = MlflowClient(door.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], f"tags.`sweep.role` = '{role}'"))


def test_it_ends_in_a_verdict_table_with_the_link_and_the_next_command(swept: FrontDoor) -> None:
    printed = (swept.folder / "out.txt").read_text()
    assert "against adam" in printed
    assert "P(better)" in printed
    assert "baseline" in printed
    assert "wild has no finished trial" in printed
    assert f"To see the runs: adamant ui --storage {swept.runs}" in printed
    assert printed.startswith("quickstart: reading the sweep")
    page = swept.runs / "quickstart" / "report" / "report.html"
    assert f"Report: {page}" in printed
    assert page.is_file()


def test_every_run_is_flat_closed_and_tagged(swept: FrontDoor) -> None:
    trials, confirmations, (summary,) = (runs_of(swept, role) for role in ("trial", "confirm", "summary"))
    assert len(trials) == 3 * TRIALS
    assert len(confirmations) == 2 * SEEDS
    assert summary.info.status == "FINISHED"
    for run in (*trials, *confirmations):
        tags = run.data.tags
        looks_failed = tags["status.reason"] == "diverged"
        assert run.info.status == ("FAILED" if looks_failed else "FINISHED")
        assert {"sweep.id", "arm", "optimizer", "workload", "seed", "config.hash", "versions"} <= tags.keys()
        assert "mlflow.parentRunId" not in tags
        assert "optimizer.lr" in run.data.params
    for run in confirmations:
        assert {"test/loss", "test/accuracy", "summary/final_val_loss"} <= run.data.metrics.keys()
        assert run.data.tags["confirm.of"].startswith(run.data.tags["arm"])
        history = MlflowClient(swept.tracking_uri).get_metric_history(run.info.run_id, "val/loss")
        assert [point.step for point in history] == [40 * epoch for epoch in range(1, EPOCHS + 1)]
    assert not [name for run in trials for name in run.data.metrics if name.startswith("test/")]
    assert {run.data.tags["status.reason"] for run in trials if run.data.tags["arm"] == "wild"} == {"diverged"}


def test_the_study_opens_from_outside_with_pruned_and_diverged_trials(swept: FrontDoor) -> None:
    backend = JournalFileBackend(str(swept.runs / "study.journal"))
    storage = optuna.storages.JournalStorage(backend)
    adam = optuna.load_study(study_name="quickstart/adam", storage=storage)
    assert adam.trials[0].params == {"lr": 1e-3}
    complete = [trial for trial in adam.trials if trial.state.name == "COMPLETE"]
    pruned = [trial for trial in adam.trials if trial.state.name == "PRUNED"]
    assert len(complete) + len(pruned) == TRIALS
    for trial in pruned:
        assert set(trial.intermediate_values) in ({3}, {3, 9})
        record = json.loads((swept.runs / f"quickstart/trials/adam/{trial.number}/record.json").read_text())
        assert {
            point["epoch"]: point["val/loss"] for point in record["curve"]
        }.items() >= trial.intermediate_values.items()
    for trial in optuna.load_study(study_name="quickstart/wild", storage=storage).trials:
        assert trial.state.name == "PRUNED"
        assert [math.isnan(value) for value in trial.intermediate_values.values()] == [True]


def test_the_json_is_what_report_gives_again_later(swept: FrontDoor) -> None:
    written = json.loads((swept.folder / "verdict.json").read_text())
    again = swept("report", "quickstart", "--json", "--out", "the-report")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["arms"] == written["arms"]
    assert (swept.folder / "the-report" / "report.md").read_text().startswith("# quickstart")
    artifacts = {
        file.path for file in MlflowClient(swept.tracking_uri).list_artifacts(runs_of(swept, "summary")[0].info.run_id)
    }
    assert {"sweep.yaml", "report.md", "report.json"} <= artifacts


def test_the_same_name_again_is_refused_and_resume_of_a_finished_sweep_trains_nothing(swept: FrontDoor) -> None:
    again = swept("run", "quickstart")
    assert again.returncode == 2
    assert "adamant resume quickstart" in again.stderr
    before = {path: path.stat().st_mtime_ns for path in swept.runs.glob("quickstart/trials/**/record.json")}
    resumed = swept("resume", "quickstart")
    assert resumed.returncode == 1
    assert {path: path.stat().st_mtime_ns for path in swept.runs.glob("quickstart/trials/**/record.json")} == before
    assert runs_of(swept, "summary")[0].info.status == "FINISHED"
    table = [line for line in resumed.stdout.splitlines() if line.startswith(("adam ", "scheduled "))]
    first = [
        line for line in (swept.folder / "out.txt").read_text().splitlines() if line.startswith(("adam ", "scheduled "))
    ]
    assert table[-2:] == first[-2:]


@pytest.mark.parametrize("role", ["confirm", "trial"])
def test_replay_repeats_a_run_to_the_last_digit(swept: FrontDoor, role: str) -> None:
    run = next(run for run in runs_of(swept, role) if run.info.status != "FAILED")
    named = {"confirm": f"quickstart/{run.data.tags['trial.id']}", "trial": run.info.run_id}
    replayed = swept("replay", named[role])
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "agree to the last digit" in replayed.stdout


def test_replay_tells_what_differs(swept: FrontDoor) -> None:
    """A recorded value that the run cannot have given must be found out."""
    client = MlflowClient(swept.tracking_uri)
    run = next(run for run in runs_of(swept, "confirm") if run.info.status == "FINISHED")
    forged = client.create_run(
        run.info.experiment_id, tags={**run.data.tags, "sweep.id": "forged", "sweep.role": "forged"}
    )
    client.log_metric(forged.info.run_id, "val/loss", 0.123, step=40)
    client.set_terminated(forged.info.run_id)
    replayed = swept("replay", forged.info.run_id)
    assert replayed.returncode == 1
    assert "val/loss at step 40: recorded 0.123, repeated" in replayed.stdout
    missing = swept("replay", "0" * 32)
    assert missing.returncode == 2
    assert "not found" in missing.stderr


def test_finished_trials_leave_no_checkpoint_behind(swept: FrontDoor) -> None:
    assert not list(Path(swept.runs).glob("**/*.pt"))
    assert not (swept.runs / "quickstart" / "tune").exists()
