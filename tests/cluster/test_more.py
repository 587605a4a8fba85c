"""A sweep that gets more trials, and one that begins where another ended, through the front door."""

from __future__ import annotations

import json

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.storages.journal import JournalFileBackend

from tests.conftest import ONE_STUDY, FrontDoor

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SETTINGS = ["search.trials=3", "confirm.seeds=[1,2,3]", "workload.epochs=6", "scheduler={type: none}"]
SMALL = [part for setting in SETTINGS for part in ("--set", setting)]


def lr_of(door: FrontDoor, study: str, number: int) -> float:
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(door.runs / "study.journal")))
    return optuna.load_study(study_name=study, storage=storage).trials[number].params["lr"]


def test_more_trials_and_a_start_from_the_best(shared_ray: FrontDoor) -> None:
    first = shared_ray("run", "quickstart", *ONE_STUDY, *SMALL, "--json", "first.json")
    assert first.returncode == 0, first.stderr
    refused = shared_ray("run", "quickstart", "--more", "2", "--set", "search.trials=9")
    assert refused.returncode == 2
    assert "--more goes on with the sweep as it is" in refused.stderr
    more = shared_ray("run", "quickstart", "--more", "2", "--json", "more.json")
    assert more.returncode == 0, more.stderr
    before, after = (json.loads((shared_ray.folder / name).read_text()) for name in ("first.json", "more.json"))
    for arm, longer in zip(before["arms"], after["arms"], strict=True):
        assert arm["trials"]["finished"] == 3
        assert longer["trials"]["finished"] == 5
        assert len(longer["scores"]) == 3, "the verdict is on the best configuration of all five"
        assert longer["best"]["value"] <= arm["best"]["value"]
        assert longer["search_steps"] == longer["planned_steps"] == 5 * 6 * 40
    client = MlflowClient(shared_ray.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    trials = client.search_runs([experiment.experiment_id], "tags.`sweep.role` = 'trial'")
    assert sorted(run.data.tags["trial.id"] for run in trials) == sorted(
        f"{arm}/{number}" for arm in ("adam", "scheduled") for number in range(5)
    )
    assert {run.info.status for run in client.search_runs([experiment.experiment_id])} == {"FINISHED"}
    again = shared_ray("run", "quickstart", *ONE_STUDY, *SMALL, "--set", "name=warm", "--from", "quickstart")
    assert again.returncode == 0, again.stderr
    best = int(after["arms"][0]["best"]["trial_id"].rpartition("/")[2])
    assert lr_of(shared_ray, "warm/adam", 1) == lr_of(shared_ray, "quickstart/adam", best)
    elsewhere = "arms.adam.parameters={lr: {distribution: log_uniform, min: 1e-9, max: 1e-8}}"
    outside = shared_ray(
        "run", "quickstart", *ONE_STUDY, *SMALL, "--set", "name=far", "--set", elsewhere, "--from", "quickstart"
    )
    assert outside.returncode == 0, outside.stdout + outside.stderr
    grid = ["--set", "arms.adam.parameters={lr: {values: [0.1, 0.01]}}", "--set", "arms.scheduled.space=[]"]
    grid += ["--set", "arms.scheduled.parameters={lr: {values: [0.1, 0.01]}}", "--set", "search.method=grid"]
    refused = shared_ray("run", "quickstart", *ONE_STUDY, *SMALL, "--set", "name=grid", *grid, "--from", "quickstart")
    assert refused.returncode == 2
    assert "a grid tries its own configurations alone" in refused.stderr
    unknown = shared_ray("run", "quickstart", *ONE_STUDY, *SMALL, "--set", "name=cold", "--from", "quikstart")
    assert unknown.returncode == 2
    assert 'Did you mean "quickstart"' in unknown.stderr


TINY = """\
name: tiny
question: Is one rate better than another?
workload: {name: mlp/digits, epochs: 2}
metric: {name: val/loss}
baseline: adam
arms:
  adam: {optimizer: adam, space: [lr]}
  sgd:  {optimizer: sgd}
search:    {method: tpe, trials: 2}
scheduler: {type: none}
confirm:   {seeds: [1]}
"""


def runs_of(door: FrontDoor, sweep: str) -> dict[str, Run]:
    """By trial id; the summary run by none."""
    client = MlflowClient(door.tracking_uri)
    experiment = client.get_experiment_by_name(f"adamant/{sweep}")
    assert experiment is not None
    return {run.data.tags.get("trial.id", "summary"): run for run in client.search_runs([experiment.experiment_id])}


def test_more_studies_and_seeds_leave_what_is_there_and_find_what_their_file_finds(shared_ray: FrontDoor) -> None:
    (shared_ray.folder / "tiny.yaml").write_text(TINY)
    first = shared_ray("run", "tiny.yaml")
    assert first.returncode == 0, first.stdout + first.stderr
    before = runs_of(shared_ray, "tiny")
    more = shared_ray("run", "tiny", "--more-studies", "1", "--more-seeds", "1", "--json", "more.json")
    assert more.returncode == 0, more.stdout + more.stderr
    after = runs_of(shared_ray, "tiny")
    untouched = before.keys() - {"summary"}
    assert len(untouched) == 2 * (2 + 1)
    assert {name: (run.info, run.data.metrics, run.data.tags) for name, run in before.items() if name in untouched} == {
        name: (run.info, run.data.metrics, run.data.tags) for name, run in after.items() if name in untouched
    }
    searched = {f"{path}/{number}" for path in ("adam", "sgd") for number in range(2)}
    confirmed = {f"{path}/confirm/{number}" for path in ("adam", "sgd") for number in range(2)}
    of_second = {f"study-2/{name}" for name in searched | confirmed}
    assert after.keys() == searched | confirmed | of_second | {"summary"}
    assert after["summary"].info.run_id == before["summary"].info.run_id
    verdict = json.loads((shared_ray.folder / "more.json").read_text())
    assert (verdict["budget"]["studies"], len(verdict["arms"][0]["scores"])) == (2, 4)
    digest = after["summary"].data.tags["digest"]
    assert digest != before["summary"].data.tags["digest"]
    recorded = (shared_ray.runs / "tiny" / "sweep.yaml").read_text()
    (shared_ray.folder / "whole.yaml").write_text(recorded.replace("name: tiny", "name: whole"))
    whole = shared_ray("run", "whole.yaml", "--expect", digest)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    again = shared_ray("run", "tiny.yaml", "--or-resume", "--expect", digest)
    assert again.returncode == 0, again.stdout + again.stderr
    other = shared_ray("run", "tiny.yaml", "--or-resume", "--set", "confirm.seeds=[3]")
    assert other.returncode == 2
    assert "is there already with another confirm.seeds" in other.stderr
