"""A sweep over nothing but registered things is validated, listed, searched and trained as any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import torch
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import FrozenTrial
from typer.testing import CliRunner

import adamant
import optimizers
import trainables
from cluster.cli import listing
from cluster.tracking.run_description import trial_spec
from optimizers import InputError, schedules
from optimizers.factory import OPTIMIZERS
from search_spaces import (
    SearchMethod,
    load_sweep,
    register_default_space,
    register_method,
    register_space,
    register_sweep,
)
from search_spaces.schema.methods import METHODS
from search_spaces.schema.sweep_file import Search
from search_spaces.space.ready_files import DEFAULT_SPACES, SPACES, SWEEPS
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from tests.optimizers.test_registration import HALVES, SIGN_DESCENT
from tests.trainables.test_registration import NARROW
from trainables.training.training_run import open_training
from trainables.workloads.catalogue import WORKLOADS

REVERSED = SearchMethod(
    "reversed", "from the end", "tests.test_registered_entries:reversed_sampler", one_objective=True
)
FILES = {
    "short_steps": """
description: how short steps should be
parameters: {lr: {distribution: log_uniform, min: 1e-4, max: 1e-2}}
""",
    "halved_memory": """
description: a memory that is halved again and again
parameters:
  beta1: {distribution: uniform, min: 0.5, max: 0.9}
  beta1_schedule: {values: [halves]}
  beta1_schedule.floor: {distribution: constant, value: 0.1, when: {beta1_schedule: halves}}
""",
    "sign_descent": """
description: what a search of sign descent varies
parameters: {lr: {distribution: log_uniform, min: 1e-3, max: 1e-1}}
""",
    "my-sweep": """
name: my-sweep
workload: {name: narrow/digits, options: {width: 8}}
baseline: sign
arms:
  sign: {optimizer: sign_descent, space: [short_steps]}
  usual: {optimizer: sign_descent}
  memory: {optimizer: moment_adam, space: [halved_memory]}
search: {method: reversed, trials: 3}
confirm: {seeds: [1]}
""",
}


def reversed_sampler(search: Search, seed: int) -> optuna.samplers.BaseSampler:
    return Reversed(seed=seed)


class Reversed(optuna.samplers.RandomSampler):
    """Draws from the upper half of each range."""

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> float:
        assert isinstance(param_distribution, FloatDistribution)
        middle = (param_distribution.low * param_distribution.high) ** 0.5
        return max(super().sample_independent(study, trial, param_name, param_distribution), middle)


@pytest.fixture(autouse=True)
def registered(tmp_path: Path) -> Iterator[None]:
    paths = {name: tmp_path / f"{name}.yaml" for name in FILES}
    for name, text in FILES.items():
        paths[name].write_text(text, encoding="utf-8")
    optimizers.register(SIGN_DESCENT)
    schedules.register(HALVES)
    trainables.register(NARROW)
    register_method(REVERSED)
    for name in ("short_steps", "halved_memory"):
        register_space(paths[name])
    register_default_space(paths["sign_descent"])
    register_sweep(paths["my-sweep"])
    yield
    OPTIMIZERS.unregister("sign_descent")
    schedules.KINDS.unregister("halves")
    WORKLOADS.unregister("narrow/digits")
    METHODS.unregister("reversed")
    for name in ("short_steps", "halved_memory"):
        SPACES.unregister(name)
    DEFAULT_SPACES.unregister("sign_descent")
    SWEEPS.unregister("my-sweep")
    with pytest.raises(InputError, match="neither a sweep file"):
        load_sweep("my-sweep", [], None)


def adamant_prints(*arguments: str) -> str:
    result = CliRunner().invoke(adamant.app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("kind", "name", "column", "place"),
    [
        ("optimizers", "sign_descent", "optimizer", -1),
        ("workloads", "narrow/digits", "workload", -1),
        ("schedules", "halves", "schedule", -1),
        ("spaces", "default of sign_descent", "space", -1),
        ("spaces", "halved_memory", "space", None),
    ],
)
def test_it_is_listed_after_ours(kind: str, name: str, column: str, place: int | None) -> None:
    names = [row[column] for row in json.loads(adamant_prints("list", kind, "--json"))]
    assert name in names if place is None else names[place] == name
    assert json.loads(adamant_prints("list", kind, name, "--json"))[column] == name


def test_its_sweep_is_validated_and_known_after_ours() -> None:
    assert SWEEPS.names()[-1] == "my-sweep"  # what `adamant list sweeps` shows, which reads every one
    assert adamant_prints("validate", "my-sweep").startswith(
        "my-sweep: valid. 3 arms, 3 trials an arm, on narrow/digits"
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("arms.sign.optimizer=sign_decent", 'no optimizer is called "sign_decent"; .* Did you mean "sign_descent"'),
        ("arms.sign.space=[short_step]", 'no space is called "short_step"; .* Did you mean "short_steps"'),
        ("arms.sign.parameters={beta1: {values: [0.5]}}", 'sign_descent has no hyperparameter "beta1"'),
        ("arms.sign.parameters={lr: {values: [-1]}}", "sign_descent: lr must be a number >= 0, got -1"),
        ("workload.name=narrow/digit", 'no workload is called "narrow/digit"; .* Did you mean "narrow/digits"'),
        ("workload.options={width: 0}", "narrow/digits: width must be a whole number >= 1, got 0"),
        ("search.method=reverse", 'no method is called "reverse"; .* Did you mean "reversed"'),
        ("tradeoffs=[{name: summary/train_seconds}]", "reversed looks at one metric and cannot weigh tradeoffs"),
        (
            "arms.memory.parameters={beta1_schedule: {values: [halve]}}",
            "unknown kind 'halve'.* Did you mean \"halves\"",
        ),
        (
            "arms.memory.parameters={beta1_schedule.floor: {values: [1.5]}}",
            r"halves\): floor must be a number in \[0, 1\)",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told_as_of_ours(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_sweep("my-sweep", [override], None)


def test_it_is_searched_and_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    sweep = load_sweep("my-sweep", [], None)
    arm = ArmStudies(open_storage(str(tmp_path / "study.journal")), sweep, "usual")
    first, second = arm.search.ask(), arm.search.ask()
    assert first is not None
    assert second is not None
    assert first.hyperparameters["lr"] == sweep.arms["usual"].space.default()["lr"] == pytest.approx(1e-2)
    assert second.hyperparameters["lr"] >= 1e-2, "drawn by the registered method"
    spec = trial_spec(sweep, second)
    training = open_training(spec, trainables.get(spec.workload).load_data(tmp_path), torch.device("cpu"))
    training.advance(1000)
    assert [point["epoch"] for point in training.curve] == [1, 2]


def test_an_optimizer_without_a_default_space_says_so() -> None:
    DEFAULT_SPACES.unregister("sign_descent")
    try:
        with pytest.raises(InputError, match=r"my-sweep.yaml:\d+: arms\.usual.*: sign_descent has no default space"):
            load_sweep("my-sweep", [], None)
        listed = [row["space"] for row in listing.rows("spaces")]
        assert "default of adam" in listed
        assert "default of sign_descent" not in listed
    finally:
        register_default_space(Path("sign_descent.yaml"))


def test_no_space_takes_the_name_of_the_default(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='"default" is the space of each optimizer'):
        register_space(tmp_path / "default.yaml")
    with pytest.raises(InputError, match=r'the space "lr" is registered already, by .*search_spaces/spaces/lr\.yaml'):
        register_space(tmp_path / "lr.yaml")
