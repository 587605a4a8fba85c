"""What a run in MLflow names is not followed by `adamant replay`, unless the sweep here names it too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from cluster.run.replay import replay_run
from cluster.storage.sweep_folder import Manifest, SweepFolder
from optimizers import InputError
from search_spaces import parse_sweep
from trainables import TrialSpec
from trainables.mlflow_contract import Tag

SWEEP = """
name: houses
workload: {name: mlp/table, epochs: 1, options: {file: FILE, target: price}}
baseline: adam
arms: {adam: {optimizer: adam, space: [lr]}}
search: {trials: 2}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


def table(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "houses.csv"
    file.write_text("rooms,price\n" + "".join(f"{n},{n * 1.5 + 0.25}\n" for n in range(60)))
    return file


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a database of runs."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


def recorded_run(address: str, *, sweep: str = "houses", spec: str | None = None, **options: Any) -> str:
    """The id of a run in MLflow, as a sweep would have recorded it."""
    client = MlflowClient(address)
    written = TrialSpec("mlp/table", 1, 32, "adam", {"lr": 1e-3}, seed=1, options=options)
    tags = {
        Tag.TRIAL_SPEC: spec or json.dumps(written.to_dict()),
        Tag.TRIAL_ID: "adam/0",
        Tag.SWEEP_NAME: sweep,
        Tag.SWEEP_ID: "houses-1",
    }
    run = client.create_run("0", tags={str(name): value for name, value in tags.items()})
    client.log_metric(run.info.run_id, "val/loss", 0.5, step=1)
    client.set_terminated(run.info.run_id)
    return run.info.run_id


def new_sweep(storage: Path, file: Path) -> None:
    folder = SweepFolder(storage, "houses")
    folder.path.mkdir(parents=True)
    manifest = Manifest("houses-1", "sqlite:///mlflow.db", "study.journal", "data")
    folder.create(parse_sweep(SWEEP.replace("FILE", str(file)), "houses.yaml"), manifest)


@pytest.mark.parametrize("sweep", ["houses", "../elsewhere/houses", "..", ""])
def test_a_file_that_only_mlflow_names_is_not_read(tmp_path: Path, address: str, sweep: str) -> None:
    file = table(tmp_path / "private")
    new_sweep(tmp_path / "elsewhere", file)
    run = recorded_run(address, sweep=sweep, file=str(file), dataset=None, target="price")
    with pytest.raises(InputError, match=rf"its option file is {file}, which MLflow alone names .* --trust"):
        replay_run(run, address, tmp_path / "data", str(tmp_path / "runs"))
    assert replay_run(run, address, tmp_path / "data", str(tmp_path / "runs"), trusted=True).compared == 1


def test_a_file_that_the_sweep_here_names_too_is_read(tmp_path: Path, address: str) -> None:
    file = table(tmp_path / "mine")
    new_sweep(tmp_path / "runs", file)
    run = recorded_run(address, file=str(file), dataset=None, target="price")
    assert replay_run(run, address, tmp_path / "data", str(tmp_path / "runs")).compared == 1
    other = recorded_run(address, file=str(table(tmp_path / "private")), dataset=None, target="price")
    with pytest.raises(InputError, match="which MLflow alone names"):
        replay_run(other, address, tmp_path / "data", str(tmp_path / "runs"))


@pytest.mark.parametrize("spec", ["{", "[]", "null", '{"workload": "mlp/table"}', '{"unknown": 1}'])
def test_a_damaged_spec_is_one_sentence(tmp_path: Path, address: str, spec: str) -> None:
    run = recorded_run(address, spec=spec)
    with pytest.raises(InputError, match=r"its tag trial\.spec is damaged"):
        replay_run(run, address, tmp_path / "data", str(tmp_path / "runs"))
