"""The services of a head, for real: PostgreSQL and an MLflow server with authentication, killed under two drivers."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from cluster.services._postgres import program
from cluster.services.head_services import Services
from optimizers import InputError
from search_spaces.stores.study_storage import open_storage
from tests.cluster.test_jobs import free_ports
from tests.conftest import ONE_STUDY, REPOSITORY, FrontDoor, wait_until

pytestmark = pytest.mark.cluster


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cluster.services_commands", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def up(folder: Path) -> Services:
    ports = dict(zip(("--port", "--database-port", "--studies-port"), map(str, free_ports(3)), strict=True))
    started = command("up", "--folder", str(folder), *(part for option in ports.items() for part in option))
    assert started.returncode == 0, started.stderr
    return Services.open(folder)


def processes(services: Services) -> list[psutil.Process]:
    """The supervisor and everything below it; what the services are made of."""
    supervisor = services.supervisor()
    assert supervisor is not None
    return [psutil.Process(supervisor), *psutil.Process(supervisor).children(recursive=True)]


def living(some: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in some if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def kill_all(services: Services) -> None:
    """As if the machine had been switched off."""
    for process in processes(services):
        # A connection's process of PostgreSQL may have ended by itself.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not any(services.answers().values()), 30, "the end of the services")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Below a folder that PostgreSQL's own user, too, may enter."""
    try:
        program("postgres")
    except InputError as error:
        pytest.skip(str(error))
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    monkeypatch.setenv("HOME", str(path))
    yield path / "services"
    command("down", "--folder", str(path / "services"))
    shutil.rmtree(path)


def status_of(services: Services, path: str, headers: dict[str, str], server: str | None = None) -> int:
    address = (server or services.tracking_uri) + path
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def asked(services: Services, user: str, database: str, question: str) -> list[tuple[Any, ...]]:
    """What a user of the database is answered."""
    address = make_url(services.postgres.url(user)).set(database=database)
    engine = create_engine(address)
    try:
        with engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(question))]
    finally:
        engine.dispose()


def assert_databases_are_apart(services: Services) -> None:
    rights = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = current_user"
    for user in ("mlflow", "mlflow_auth", "optuna"):
        assert asked(services, user, user, rights) == [(False, False, False, False)]
    with pytest.raises(DBAPIError, match="permission denied for database"):
        asked(services, "optuna", "mlflow_auth", "SELECT 1")
    with pytest.raises(DBAPIError, match="InsufficientPrivilege"):
        asked(services, "mlflow", "mlflow", "COPY experiments FROM PROGRAM 'id'")
    with pytest.raises(DBAPIError, match="permission denied for function pg_read_file"):
        asked(services, "mlflow", "mlflow", "SELECT pg_read_file('/etc/passwd')")


def assert_strangers_are_kept_out(services: Services, client_file: Path) -> None:
    password = services.settings.admin_password
    known = {"Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()}
    search = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"
    assert status_of(services, search, {}) == 401
    assert status_of(services, search, known) == 200
    assert status_of(services, search, {**known, "Host": "evil.example"}) == 403
    for secret in (services.folder / "services.json", client_file, services.folder / "mlflow-auth.ini"):
        assert secret.stat().st_mode & 0o077 == 0
    dashboard = f"http://127.0.0.1:{services.settings.studies_port}/dashboard/"
    assert status_of(services, "", {}, dashboard) == 401
    assert status_of(services, "", {**known, "Host": "evil.example"}, dashboard) == 403
    assert status_of(services, "", known, dashboard) == 200
    for process in processes(services):
        shown = " ".join(process.cmdline())
        assert password not in shown
        assert services.settings.database_password not in shown
    assert services.settings.database_password not in (services.folder / "supervisord.conf").read_text()
    assert_databases_are_apart(services)


@pytest.mark.slow
def test_they_keep_strangers_out_and_come_back_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = up(folder)
    assert command("up", "--folder", str(folder)).returncode == 0, "they run already"
    assert "already" in command("run", "--folder", str(folder)).stderr
    client_file = Path(os.environ["HOME"]) / ".adamant/client.env"
    assert_strangers_are_kept_out(services, client_file)
    for name, value in services.client_environment().items():
        monkeypatch.setenv(name, value)
    client = MlflowClient(services.tracking_uri)
    client.create_experiment("kept")
    study = optuna.create_study(storage=open_storage(services.postgres.url("optuna")), study_name="kept")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    saved = command("backup", str(folder.parent / "backup"), "--folder", str(folder))
    assert saved.returncode == 0, saved.stderr
    assert "already" in command("backup", str(folder.parent / "backup"), "--folder", str(folder)).stderr
    client.create_experiment("later")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    shutil.copytree(folder.parent / "backup", folder.parent / "broken")
    (folder.parent / "broken" / "mlflow_auth.dump").write_bytes(b"PGDMP, and then nothing")
    before = (folder / "services.json").read_text()
    assert command("restore", str(folder.parent / "broken"), "--folder", str(folder)).returncode == 2
    assert (folder / "services.json").read_text() == before
    drawn_anew = replace(services.settings, admin_password="another head's", session_secret="its own")
    (folder / "services.json").write_text(json.dumps(drawn_anew.__dict__))
    restored = command("restore", str(folder.parent / "backup"), "--folder", str(folder))
    assert restored.returncode == 0, restored.stderr
    assert Services.open(folder).settings == services.settings, "users come back with their passwords"
    assert services.settings.admin_password in client_file.read_text()
    assert client.get_experiment_by_name("kept") is not None
    assert client.get_experiment_by_name("later") is None
    assert len(optuna.load_study(study_name="kept", storage=open_storage(services.postgres.url("optuna"))).trials) == 3

    server = next(process for process in processes(services) if "mlflow" in " ".join(process.cmdline()))
    os.killpg(os.getpgid(server.pid), signal.SIGKILL)
    wait_until(lambda: not services.answers()["MLflow"], 20, "the server's end")
    wait_until(services.answer, 90, "the supervisor to start another server")
    below = processes(services)
    assert command("status", "--folder", str(folder)).stdout.count(": answers\n") == 3
    psutil.Process(services.supervisor()).kill()
    wait_until(lambda: not living(below), 40, "the end of what it supervised")
    assert command("down", "--folder", str(folder)).stdout == "They are not running.\n"
    assert command("status", "--folder", str(folder)).returncode == 1
    assert "no services were started with this folder" in command("status", "--folder", str(folder.parent)).stderr


def two_sweeps_over_a_restart(door: FrontDoor, services: Services, trials: int, away_s: float) -> None:
    """Two drivers at once; in their middle everything behind them is killed, and away for so long."""
    door.environment |= services.client_environment()
    settings = [f"search.trials={trials}", "confirm.seeds=[1,2]", "workload.epochs=5", "scheduler.grace=2"]
    overrides = [part for setting in settings for part in ("--set", setting)]
    drivers = {
        name: door.start("run", "quickstart", *ONE_STUDY, *overrides, "--set", f"name={name}")
        for name in ("one", "other")
    }
    storage = open_storage(services.postgres.url("optuna"))

    def ended(name: str) -> int:
        return len(list((door.runs / name / "trials").glob("*/*/record.json")))

    def middle() -> bool:
        return all(ended(name) >= trials // 2 for name in drivers)

    wait_until(lambda: middle() or any(one.poll() is not None for one in drivers.values()), 600, "half of the trials")
    assert not [name for name, one in drivers.items() if one.poll() is not None], "a driver ended too early"
    kill_all(services)
    time.sleep(away_s)
    assert command("up", "--folder", str(services.folder)).returncode == 0
    told = {name: driver.communicate(timeout=900) for name, driver in drivers.items()}
    for name, driver in drivers.items():
        assert driver.returncode == 0, "\n".join(told[name])
        assert "lock" not in "".join(told[name])
        for arm in ("adam", "scheduled"):
            study = optuna.load_study(study_name=f"{name}/{arm}", storage=storage)
            states = Counter(trial.state for trial in study.trials)
            assert states[TrialState.COMPLETE] + states[TrialState.PRUNED] == trials, states
            assert states.keys() <= {TrialState.COMPLETE, TrialState.PRUNED}
            confirmed = [run["status"] for key, run in study.user_attrs.items() if key.startswith("confirm/")]
            assert confirmed == ["finished"] * 2
    for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        os.environ[variable] = door.environment[variable]
    client = MlflowClient(services.tracking_uri)
    for name in drivers:
        assert_every_metric_is_there_once(client, door, name, 2 * (trials + 2))


def assert_every_metric_is_there_once(client: MlflowClient, door: FrontDoor, name: str, expected: int) -> None:
    experiment = client.get_experiment_by_name(f"adamant/{name}")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`sweep.role` != 'summary'", max_results=10_000)
    assert len({run.data.tags["trial.id"] for run in runs}) == len(runs) == expected
    assert {run.info.status for run in runs} <= {"FINISHED", "FAILED"}
    for run in runs:
        record = json.loads((door.runs / name / "trials" / run.data.tags["trial.id"] / "record.json").read_text())
        history = client.get_metric_history(run.info.run_id, "val/loss")
        told = [(int(point["step"]), point["val/loss"]) for point in record["curve"]]
        assert sorted((metric.step, metric.value) for metric in history) == told
        assert run.data.metrics["summary/steps"] == record["step"]


@pytest.mark.slow
def test_two_drivers_lose_nothing_while_the_services_are_away(front_door: FrontDoor, folder: Path) -> None:
    two_sweeps_over_a_restart(front_door, up(folder), trials=10, away_s=6)
    manifest = (front_door.runs / "one" / "manifest.json").read_text()
    assert Services.open(folder).settings.database_password not in manifest
    forgotten = {name: value for name, value in front_door.environment.items() if not name.startswith("ADAMANT_STUDY")}
    front_door.environment = forgotten
    resumed = front_door("resume", "one")
    assert resumed.returncode == 2
    assert "the database that $ADAMANT_STUDY_STORAGE names, and it is not set here" in resumed.stderr
    before = {name: (front_door.runs / "one" / name).read_text() for name in ("manifest.json", "sweep.yaml")}
    assert front_door("run", "one", "--more", "2").returncode == 2
    assert before == {name: (front_door.runs / "one" / name).read_text() for name in before}, "nothing half-written"
