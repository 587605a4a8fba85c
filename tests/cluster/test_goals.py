"""Which way a metric is better: the workload knows it, a sweep may say it, and what was recorded stays."""

from __future__ import annotations

from pathlib import Path

import pytest

import trainables
from cluster.tracking.run_description import trial_spec
from optimizers import InputError
from search_spaces import Sweep, load_sweep, recorded_sweep
from search_spaces.schema.yaml_source import dump_yaml
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Outcome, default_assignment
from search_spaces.sweep.loading import check_workloads
from trainables.mlflow_contract import Status

SWEEP = """\
name: goals
workload: {name: mlp/digits, epochs: 1}
metric: {name: val/accuracy}
baseline: adam
arms:
  adam: {optimizer: adam, parameters: {lr: {values: [1e-6, 1e-4, 1e-3, 1e-2]}}}
search: {method: random, trials: 4}
confirm: {seeds: [1]}
"""


def new_sweep(folder: Path, text: str = SWEEP, *overrides: str) -> Sweep:
    (folder / "sweep.yaml").write_text(text)
    return load_sweep(str(folder / "sweep.yaml"), overrides)


def test_a_metric_without_a_goal_is_searched_its_own_way(tmp_path: Path) -> None:
    sweep = new_sweep(tmp_path)
    assert sweep.metric.goal == trial_spec(sweep, default_assignment(sweep, "adam")).goal == "maximize"
    arm = ArmStudies(open_storage(str(tmp_path / "study.journal")), sweep, "adam")
    accuracy = {1e-6: 8.5, 1e-4: 60.0, 1e-3: 94.8, 1e-2: 90.0}
    while (assignment := arm.search.ask()) is not None:
        arm.search.hear(assignment.number, {}, Outcome(Status.FINISHED, 1, accuracy[assignment.hyperparameters["lr"]]))
    assert arm.search.best_configuration() == {"lr": 1e-3}
    assert arm.search.study.direction.name == "MAXIMIZE"


def test_the_resolved_sweep_holds_the_goal_so_that_who_reads_it_needs_no_workload(tmp_path: Path) -> None:
    recorded = recorded_sweep(dump_yaml(new_sweep(tmp_path).file.plain()), "sweep.yaml")
    assert recorded.file.plain()["metric"] == {"name": "val/accuracy", "goal": "maximize"}
    assert recorded.metric.goal == "maximize"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "{name: val/accuracy}",
            "{name: val/accuracy, goal: minimize}",
            "sweep.yaml:3: metric.goal: val/accuracy of mlp/digits is better when it is greater; write goal: maximize",
        ),
        (
            "{name: val/accuracy}",
            "{name: val/loss, goal: maximize}",
            "sweep.yaml:3: metric.goal: val/loss of mlp/digits is better when it is smaller; write goal: minimize",
        ),
        (
            "confirm:",
            "tradeoffs:\n- {name: val/loss, goal: maximize}\n- {name: summary/train_seconds, goal: maximize}\nconfirm:",
            "sweep.yaml:9: tradeoffs.0.goal: val/loss .* is better when it is smaller.*\n"
            ".*sweep.yaml:10: tradeoffs.1.goal: summary/train_seconds .* is better when it is smaller",
        ),
        (
            "workload: {name: mlp/digits, epochs: 1}",
            "workloads:\n  a: {name: mlp/digits}\n"
            "  b: {name: lstm/text, metric: {name: val/perplexity, goal: maximize}}",
            "sweep.yaml:4: workloads.b.metric.goal: val/perplexity of lstm/text is better when it is smaller",
        ),
    ],
)
def test_a_goal_the_wrong_way_round_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        new_sweep(tmp_path, SWEEP.replace(old, new))


def test_metrics_of_workloads_and_tradeoffs_have_their_own_goals(tmp_path: Path) -> None:
    several = SWEEP.replace(
        "workload: {name: mlp/digits, epochs: 1}",
        "workloads:\n  a: {name: mlp/digits}\n  b: {name: lstm/text, metric: {name: val/perplexity}}",
    )
    sweep = new_sweep(tmp_path, several)
    assert [sweep.on(name).metric.goal for name in "ab"] == ["maximize", "minimize"]
    tradeoffs = "tradeoffs: [{name: val/accuracy}, {name: summary/train_seconds}]\nconfirm:"
    weighed = new_sweep(tmp_path, SWEEP.replace("val/accuracy", "val/loss").replace("confirm:", tradeoffs))
    assert [one.goal for one in weighed.objectives] == ["minimize", "maximize", "minimize"]


def test_a_recorded_sweep_keeps_the_goal_that_it_was_run_with() -> None:
    """Storages of an earlier version hold ``goal: minimize`` wherever the file left it out."""
    kept = SWEEP.replace("{name: val/accuracy}", "{name: val/accuracy, goal: minimize}")
    recorded = recorded_sweep(kept, "sweep.yaml")
    check_workloads(recorded)
    assert recorded.metric.goal == "minimize"


@pytest.mark.parametrize("name", trainables.names())
def test_every_workload_says_which_way_its_metrics_are_better(name: str) -> None:
    entry = trainables.get(name)
    usual = {"val/accuracy": "maximize", "val/top5_accuracy": "maximize"}
    assert dict(entry.metrics) == {metric: usual.get(metric, "minimize") for metric in entry.metrics}
    assert entry.score_with({})[1] == ("maximize" if entry.score == "test/accuracy" else "minimize")
