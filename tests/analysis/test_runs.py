"""Reading a sweep back from a real MLflow store."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from analysis.data import runs
from analysis.data.looks import Looks
from analysis.data.runs import SweepRecords, read_sweep
from optimizers import InputError
from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from tests.analysis.conftest import Make, Store


@pytest.fixture(scope="module", autouse=True)
def _sweeps(store: Store, make: type[Make], eventful: runs.SweepRecords) -> None:
    older = make.confirmed({"adam": [0.1, 0.2, 0.3], "scheduled": [0.1, 0.2, 0.3]})
    store.write(replace(older, sweep_id="betas-0"), start=-1000)
    store.write(eventful)


def only(name: str, uri: str) -> SweepRecords:
    """Those of a sweep over one workload."""
    [records] = read_sweep(name, uri)
    return records


def test_what_was_written_is_read_back(store: Store, make: type[Make], eventful: runs.SweepRecords):
    """The newest of the sweep's ids, its runs by role, outcomes, and each metric's value at its last step."""
    records = only("betas", store.uri)
    assert records.sweep.file.plain() == eventful.sweep.file.plain()
    assert make.without_times(replace(records, sweep=eventful.sweep)) == make.without_times(eventful)


def test_times_are_aware_and_a_running_run_has_no_end(store: Store, eventful: runs.SweepRecords):
    trials = {run.trial_id: run for run in only("betas", store.uri).trials}
    assert trials["adam/0"].start == eventful.trials[0].start
    assert trials["adam/0"].end == eventful.trials[0].end
    assert trials["memory/2"].end is None


def test_every_page_is_read(store: Store, monkeypatch: pytest.MonkeyPatch, eventful: runs.SweepRecords):
    monkeypatch.setattr(runs, "_PAGE", 4)
    assert len(only("betas", store.uri).trials) == len(eventful.trials)


def test_one_trial_id_counts_once(store: Store, make: type[Make]):
    first = make.confirmation("adam", 1, 0.5)
    again = replace(make.confirmation("adam", 1, 0.6), start=first.start + timedelta(hours=1))
    store.write(make.sweep([make.trial("adam", 0, 0.1)], [again, first], name="twice", arms=("adam",)))
    confirmations = only("twice", store.uri).confirmations
    assert [run.metrics["test/accuracy"] for run in confirmations] == [0.6]


def test_infinite_metrics_come_back_infinite(store: Store, make: type[Make]):
    trials = [make.trial("adam", 0, math.inf), make.trial("adam", 1, math.nan)]
    store.write(make.sweep(trials, [], name="infinite", arms=("adam",)))
    values = [run.metrics["val/loss"] for run in only("infinite", store.uri).trials]
    assert values[0] == math.inf
    assert math.isnan(values[1])


def test_an_end_without_a_reason_is_named_after_the_status(store: Store, make: type[Make]):
    from mlflow.tracking import MlflowClient

    store.write(make.sweep([make.trial("adam", 0, reason="interrupted")], [], name="untold", arms=("adam",)))
    client = MlflowClient(store.uri)
    [run] = only("untold", store.uri).trials
    client.delete_tag(run.run_id, "status.reason")
    assert only("untold", store.uri).trials[0].status_reason == "interrupted"
    client.set_tag(run.run_id, "status.reason", "pruned")
    client.update_run(run.run_id, "RUNNING")
    assert only("untold", store.uri).trials[0].status_reason == "running"


@pytest.mark.parametrize("status", ["FINISHED", "KILLED"])  # the latter by versions before
def test_a_pruned_trial_is_known_by_its_tag_whatever_its_status(store: Store, make: type[Make], status: str):
    from mlflow.tracking import MlflowClient

    name = f"pruned-{status.lower()}"
    store.write(make.sweep([make.trial("adam", 0, 0.3, "pruned")], [], name=name, arms=("adam",)))
    [run] = only(name, store.uri).trials
    MlflowClient(store.uri).set_terminated(run.run_id, status)
    assert only(name, store.uri).trials[0].status_reason == "pruned"


def test_looks_are_those_of_the_summary_run(store: Store, make: type[Make]):
    looks = Looks((3, 6, 9), (3, 6))
    store.write(replace(make.sweep([], [], name="looked"), looks=looks))
    assert only("looked", store.uri).looks == looks
    assert only("betas", store.uri).looks is None


def test_an_unknown_sweep_names_the_nearest_one(store: Store):
    with pytest.raises(InputError, match=r'No sweep "bettas" .* Did you mean "betas"\? There are: betas'):
        only("bettas", store.uri)


def test_a_deleted_sweep_is_refused_with_how_to_restore_it(store: Store, make: type[Make]):
    from mlflow.tracking import MlflowClient

    store.write(make.sweep([], [], name="deleted", arms=("adam",)))
    client = MlflowClient(store.uri)
    experiment = client.get_experiment_by_name("adamant/deleted")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    with pytest.raises(
        InputError, match=f"deleted in MLflow.*experiments restore --experiment-id {experiment.experiment_id}"
    ):
        only("deleted", store.uri)


def test_a_mistyped_database_is_refused_and_not_made(tmp_path):
    path = tmp_path / "mlfow.db"
    with pytest.raises(InputError, match=r"mlfow\.db: no runs here yet"):
        only("betas", f"sqlite:///{path}")
    assert not path.exists()


def test_a_store_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("these are notes, not a database " * 100)
    with pytest.raises(InputError, match=r"Tracking store .*notes\.db.* cannot be read"):
        only("betas", f"sqlite:///{path}")


def test_a_sweep_without_a_summary_is_refused(store: Store):
    from mlflow.tracking import MlflowClient

    MlflowClient(store.uri).create_experiment("adamant/empty")
    with pytest.raises(InputError, match='Sweep "empty" has no summary run'):
        only("empty", store.uri)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone", None, r"sweep\.yaml of run \w+ cannot be read"),
        ("broken", "name: [", r"sweep\.yaml of run \w+:1"),
    ],
)
def test_a_lost_or_broken_sweep_file_is_named(store: Store, make: type[Make], name, text, message):
    store.write(make.sweep([], [], name=name, arms=("adam",)), sweep_yaml=text)
    with pytest.raises(InputError, match=message):
        only(name, store.uri)


@pytest.mark.parametrize(
    ("tag", "value", "message"),
    [
        ("seed", "one", 'tag seed is "one"'),
        ("arm", None, "has no tag arm"),
        ("score.goal", "up", 'score.goal is "up"'),
    ],
)
def test_a_malformed_run_is_named(store: Store, make: type[Make], tag, value, message):
    from mlflow.tracking import MlflowClient

    name = f"malformed-{tag}"
    store.write(make.sweep([make.trial("adam", 0, 0.1)], [], name=name, arms=("adam",)))
    client = MlflowClient(store.uri)
    experiment = client.get_experiment_by_name(f"adamant/{name}")
    assert experiment is not None
    role = "summary" if tag.startswith("score") else "trial"
    [run] = client.search_runs([experiment.experiment_id], f"tags.`sweep.role` = '{role}'")
    if value is None:
        client.delete_tag(run.info.run_id, tag)
    else:
        client.set_tag(run.info.run_id, tag, value)
    with pytest.raises(InputError, match=rf"Run {run.info.run_id}.*{message}"):
        only(name, store.uri)


def test_importing_analysis_is_cheap():
    check = (  # in a fresh interpreter, as the others are loaded here
        "import sys, analysis, analysis.data.runs\n"
        "heavy = {'mlflow', 'numpy', 'scipy', 'yaml', 'pydantic', 'torch', 'optuna'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert analysis.judge is not None"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_server_that_is_away_is_told_at_once() -> None:
    program = "from analysis.data.runs import read_sweep; read_sweep('s', 'http://127.0.0.1:9')"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert 'http://127.0.0.1:9" cannot be read' in ended.stderr
