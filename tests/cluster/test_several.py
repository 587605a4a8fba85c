"""Several workloads, several studies and several metrics in one sweep, through the front door."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.trial import TrialState

from search_spaces.stores.study_storage import open_storage
from tests.conftest import FrontDoor, wait_until

pytestmark = pytest.mark.cluster

TWO = """\
name: two
question: Does a schedule help on two nets?
workloads:
  small: {name: mlp/digits, epochs: 6, batch_size: 32}
  large: {name: mlp/digits, epochs: 60, batch_size: 128, metric: {name: val/accuracy, goal: maximize, target: 0.9}}
metric: {name: val/loss, goal: minimize}
baseline: adam
arms:
  adam:      {optimizer: adam, space: [lr]}
  scheduled: {optimizer: moment_adam, space: [lr, beta_schedules]}
search:    {method: tpe, trials: 3, studies: 2}
scheduler: {type: asha, grace: 2, eta: 3}
confirm:   {seeds: [1, 2]}
"""
FRONT = """\
name: front
question: What does a better loss cost?
workload: {name: mlp/digits, epochs: 3}
metric: {name: val/loss, target: 0.3}
tradeoffs: [{name: summary/train_seconds}, {name: summary/steps_to_target}, {name: val/accuracy, goal: maximize}]
baseline: adam
arms:
  adam: {optimizer: adam, space: [lr]}
search:    {method: tpe, trials: 8}
confirm:   {top_k: 2, seeds: [1, 2]}
"""


def runs_of(door: FrontDoor, sweep: str, role: str) -> list[Run]:
    client = MlflowClient(door.tracking_uri)
    experiment = client.get_experiment_by_name(f"adamant/{sweep}")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], f"tags.`sweep.role` = '{role}'"))


def test_two_workloads_with_two_studies_each_are_one_sweep_that_a_kill_does_not_hurt(front_door: FrontDoor) -> None:
    (front_door.folder / "two.yaml").write_text(TWO)
    driver = front_door.start("run", "two.yaml")
    trials = front_door.runs / "two" / "trials"

    def ended() -> int:
        return len([path for path in trials.glob("*/*/*/*/record.json") if '"outcome"' in path.read_text()])

    wait_until(lambda: ended() >= 3 or driver.poll() is not None, 120, "some trials")
    assert driver.poll() is None, driver.communicate()
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    resumed = front_door("resume", "two", "--json", "two.json")
    assert resumed.returncode == 0, resumed.stderr
    storage = open_storage(str(front_door.runs / "study.journal"))
    drawn: Counter[tuple[str, str, float]] = Counter()
    for workload in ("small", "large"):
        for study in ("study-1", "study-2"):
            for arm in ("adam", "scheduled"):
                search = optuna.load_study(study_name=f"two/{workload}/{study}/{arm}", storage=storage)
                assert len(search.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED])) == 3
                drawn.update((workload, arm, trial.params["lr"]) for trial in search.trials[1:])
    assert set(drawn.values()) == {1}, "studies draw for themselves"
    runs = runs_of(front_door, "two", "trial")
    assert len({run.data.tags["trial.id"] for run in runs}) == len(runs) == 2 * 2 * 2 * 3
    assert {(run.data.tags["sweep.workload"], run.data.tags["sweep.study"]) for run in runs} == {
        (workload, study) for workload in ("small", "large") for study in "12"
    }
    assert {run.data.tags["seed"] for run in runs} == {"0", "3"}, "no study searches with a seed of the confirmation"
    confirmations = runs_of(front_door, "two", "confirm")
    assert len(confirmations) == 2 * 2 * 2 * 2
    ids = {run.data.tags["trial.id"] for run in runs}
    assert all(run.data.tags["confirm.of"] in ids for run in confirmations)
    data = json.loads((front_door.folder / "two.json").read_text())
    assert [standing["arm"] for standing in data["standings"]] == ["adam", "scheduled"]
    small, large = data["workloads"]["small"], data["workloads"]["large"]
    assert (small["metric"]["name"], large["metric"]["name"]) == ("val/loss", "val/accuracy")
    assert small["wall_seconds"] is None, "the killed driver could not tell how long it had worked"
    for part in (small, large):
        assert part["comparison_level"] == 0.975
        for arm in part["arms"]:
            assert arm["trials"]["finished"] + arm["trials"]["pruned"] == 6
            assert len(arm["scores"]) == 4
            assert arm["planned_steps"] > 0
    assert "Over 2 workloads:" in resumed.stdout
    warm = front_door("plan", "two.yaml")
    assert warm.returncode == 0
    assert [line.split()[0] for line in warm.stdout.splitlines()[1:5]] == [
        "small/adam", "small/scheduled", "large/adam", "large/scheduled",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_search_over_several_metrics_ends_in_a_pareto_front_and_says_how_far_off_the_plan_was(
    front_door: FrontDoor,
) -> None:
    (front_door.folder / "front.yaml").write_text(FRONT)
    ended = front_door("run", "front.yaml", "--probe", "--json", "front.json")
    assert ended.returncode == 0, ended.stderr
    storage = open_storage(str(front_door.runs / "study.journal"))
    search = optuna.load_study(study_name="front/adam", storage=storage)
    assert [direction.name for direction in search.directions] == ["MINIMIZE", "MINIMIZE", "MINIMIZE", "MAXIMIZE"]
    data = json.loads((front_door.folder / "front.json").read_text())
    [arm] = data["arms"]
    assert [one["trial_id"] for one in arm["front"]] == [
        f"adam/{trial.number}" for trial in sorted(search.best_trials, key=lambda trial: trial.values[0])
    ]
    for one in arm["front"]:
        trial = search.trials[int(one["trial_id"].rpartition("/")[2])]
        known = [one["value"], *(float("inf") if value == "never" else value for value in one["tradeoffs"])]
        assert known == pytest.approx(trial.values)
    assert [one["trial_id"] for one in arm["confirmed"]] == [one["trial_id"] for one in arm["front"]][:2]
    # The front follows from the seconds that trials took, so it may hold one trial or all three.
    assert arm["confirmations"]["finished"] == 2 * len(arm["confirmed"])
    assert "Pareto front:" in ended.stdout
    assert data["wall_seconds"] > 3
    assert data["planned_wall_seconds"] > 10
    assert re.search(r"^Wall time: .*planned \(", ended.stdout, re.MULTILINE)
    for run in runs_of(front_door, "front", "trial"):
        assert run.info.end_time is not None
        assert run.info.end_time - run.info.start_time >= 1000 * run.data.metrics["summary/train_seconds"]
