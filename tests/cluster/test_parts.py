"""A sweep over a model of two parts, each under an optimizer of its own, and its pictures in MLflow."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from tests.conftest import FrontDoor
from tests.trainables.test_data import write_idx

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SWEEP = """\
name: two-parts
workload:
  {name: dcgan/mnist, steps: 4, evaluate_every: 2, batch_size: 8, options: {width: 4, samples: 16, latent: 8}}
metric: {name: val/frechet_distance}
baseline: adam
arms:
  adam: {optimizer: adam, parameters: {lr: {value: 1e-3}, generator.lr: {value: 2e-3}}}
search: {method: random, trials: 1}
confirm: {seeds: [1, 2]}
"""


def test_both_parts_and_what_they_generate_are_in_mlflow(shared_ray: FrontDoor) -> None:
    write_idx(shared_ray.folder / "data")
    (shared_ray.folder / "two-parts.yaml").write_text(SWEEP)
    ended = shared_ray("run", "two-parts.yaml", "--data", "data")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    client = MlflowClient(shared_ray.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/two-parts")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`sweep.role` = 'confirm'")
    assert len(runs) == 2
    for run in runs:
        assert run.data.params["optimizer.lr"] == "0.001"
        assert run.data.params["optimizer.generator.lr"] == "0.002"
        assert run.data.metrics["optim/discriminator_lr"] == 0.001
        assert run.data.metrics["optim/generator_lr"] == 0.002
        assert {"train/discriminator_loss", "train/generator_loss", "test/frechet_distance"} <= run.data.metrics.keys()
        files = [file.path for file in client.list_artifacts(run.info.run_id, "images") if file.path.endswith(".png")]
        assert len(files) == 2, "one picture an evaluation, whatever was told twice"
        assert {path.split("+step+")[1].partition("+")[0] for path in files} == {"2", "4"}
        assert run.data.tags["mlflow.loggedImages"] == "True"
    replayed = shared_ray("replay", runs[0].info.run_id, "--data", "data")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
