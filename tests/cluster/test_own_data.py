"""A sweep over a table and a text of one's own: judged in their units, replayed, and not gone on with on other data."""

from __future__ import annotations

import json

import pytest
from mlflow import MlflowClient

from tests.conftest import FrontDoor
from tests.trainables.test_gpt import LINES
from tests.trainables.test_table import houses

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SWEEP = """\
name: own-data
workloads:
  houses:
    name: mlp/table
    epochs: 4
    options: {file: houses.csv, target: price, drop: [dear], hidden: [16]}
    metric: {name: val/rmse}
  books: {name: gpt/text, epochs: 2, options: {folder: book, layers: 1, width: 16, context: 16}}
baseline: adam
arms:
  adam: {optimizer: adam, parameters: {lr: {distribution: log_uniform, min: 1e-3, max: 1e-1}}}
  sgd: {optimizer: sgd, parameters: {lr: {value: 0.01}}}
search: {method: random, trials: 1}
confirm: {seeds: [1, 2]}
"""


def test_a_table_and_a_text_are_judged_in_their_units_and_replayed(shared_ray: FrontDoor) -> None:
    folder = shared_ray.folder
    houses().to_csv(folder / "houses.csv", index=False)
    (folder / "data" / "book").mkdir(parents=True)
    (folder / "data" / "book" / "a.txt").write_text("\n".join(LINES))
    (folder / "own-data.yaml").write_text(SWEEP)
    ended = shared_ray("run", "own-data.yaml", "--data", "data", "--json", "verdict.json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads((folder / "verdict.json").read_text())
    scores = {name: one["score"] for name, one in told["workloads"].items()}
    assert scores == {
        "houses": {"name": "test/rmse", "goal": "minimize", "smallest_difference": None},
        "books": {"name": "test/perplexity", "goal": "minimize", "smallest_difference": None},
    }
    client = MlflowClient(shared_ray.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/own-data")
    assert experiment is not None
    for name, metric in {"houses": "test/rmse", "books": "test/bits_per_byte"}.items():
        chosen = f"tags.`sweep.role` = 'confirm' and tags.`sweep.workload` = '{name}' and tags.arm = 'adam'"
        first, second = client.search_runs([experiment.experiment_id], chosen)
        assert first.data.metrics[metric] != second.data.metrics[metric]
        assert ("workload.file" in first.data.params) == (name == "houses")
        replayed = shared_ray("replay", first.info.run_id, "--data", "data")
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        assert "agree to the last digit" in replayed.stdout
    (folder / "houses.csv").write_text((folder / "houses.csv").read_text() + "90.5,3,True,Bonn,340.1,no\n")
    resumed = shared_ray("resume", "own-data")
    assert resumed.returncode == 2, resumed.stdout
    assert "the data of mlp/table is not that on which the trials of own-data were trained" in resumed.stderr
