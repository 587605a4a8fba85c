"""Samplers of a user's own and of Optuna's with arguments: made, searched with, gone on with, and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizers import InputError, user_code
from search_spaces import Sweep, parse_sweep
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.first_draws import check_sampler
from trainables.mlflow_contract import Status

SAMPLERS = '''
import random

from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler


class Upper(RandomSampler):
    """Draws from the upper part of each range."""

    def __init__(self, seed=None, share=0.5):
        super().__init__(seed=seed)
        self.share = share

    def sample_independent(self, study, trial, name, distribution):
        value = super().sample_independent(study, trial, name, distribution)
        return max(value, distribution.low ** (1 - self.share) * distribution.high**self.share)


def tree(seed, startup=10):
    return TPESampler(seed=seed, n_startup_trials=startup)


def evolution(seed):
    return CmaEsSampler(seed=seed)


class Unseeded(BaseSampler):
    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, space):
        return {}

    def sample_independent(self, study, trial, name, distribution):
        return random.uniform(distribution.low, distribution.high)


class Outside(Unseeded):
    def sample_independent(self, study, trial, name, distribution):
        return 2 * distribution.high


class Failing(Unseeded):
    def sample_independent(self, study, trial, name, distribution):
        return self.nothing


def no_sampler(seed):
    return seed


def needs(seed, width):
    return RandomSampler(seed=seed)
'''
SWEEP = """
name: sampled
uses: [samplers.py]
workload: {name: mlp/digits, epochs: 9}
baseline: adam
arms: {adam: {optimizer: adam, parameters: {lr: {distribution: log_uniform, min: 1e-5, max: 1}}}}
search: {trials: 8}
confirm: {seeds: [1]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "samplers.py").write_text(SAMPLERS, encoding="utf-8")
    yield tmp_path
    user_code.load(user_code.CodeBundle())


def sweep(
    folder: Path, method: str, arguments: dict[str, Any] | None = None, *, execute: bool = True, **more: Any
) -> Sweep:
    keys = {"search.method": method, "search.arguments": arguments or {}, **more}
    overrides = [f"{key}={json.dumps(value)}" for key, value in keys.items()]
    uses = ["optunahub"] if method.startswith("optunahub:") else ["samplers.py"]
    code = user_code.read_bundle(uses, folder) if execute else None
    return parse_sweep(SWEEP, "sampled.yaml", [*overrides, f"uses={json.dumps(uses)}"], None, folder, code)


def rates(of: Sweep, journal: Path, stop_after: int = 100) -> list[float]:
    """The learning rates that a driver tries."""
    arm, ran = ArmStudies(open_storage(str(journal)), of, "adam"), []
    while len(ran) < stop_after and (assignment := arm.search.ask()) is not None:
        ran.append(assignment)
        arm.search.hear(assignment.number, {}, Outcome(Status.FINISHED, 9, assignment.hyperparameters["lr"]))
    return [rate(one) for one in ran]


def rate(assignment: Assignment) -> float:
    return assignment.hyperparameters["lr"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("samplers:Upper", {}),
        ("samplers:Upper", {"share": 0.8}),
        ("samplers:tree", {"startup": 2}),
        ("TPESampler", {"n_startup_trials": 2, "multivariate": True}),
    ],
)
def test_a_sampler_searches_and_goes_on_as_if_it_had_not_been_interrupted(
    method: str, arguments: dict[str, Any], folder: Path
) -> None:
    of = sweep(folder, method, arguments)
    check_sampler(of)
    whole = rates(of, folder / "whole.journal")
    interrupted = [*rates(of, folder / "cut.journal", stop_after=3), *rates(of, folder / "cut.journal")]
    assert interrupted == whole
    assert len(set(whole)) == 8
    if method == "samplers:Upper":
        assert min(whole[1:]) >= 1e-5 ** (1 - arguments.get("share", 0.5))
    assert parse_sweep(json.dumps(of.file.plain()), folder=folder).search == of.search


@pytest.mark.parametrize("execute", [True, False])
@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("samplers:Uper", {}, r'search\.method: samplers has no "Uper"\. Did you mean "Upper"'),
        ("other:Mine", {}, r'search\.method: "other:Mine" needs other under uses'),
        (
            "samplers:Upper",
            {"shar": 1},
            r'search\.arguments\.shar: samplers:Upper has no argument "shar"; it has share',
        ),
        ("samplers:Upper", {"seed": 1}, r"search\.arguments\.seed: the seed of a trial follows from search\.seed"),
        ("samplers:needs", {}, "samplers:needs cannot be made without width; give them under search.arguments"),
        ("tpe", {"multivariate": True}, r"search\.arguments: tpe takes no arguments; name a sampler by its class"),
        ("QMCSampler", {"scrambel": True}, 'QMCSampler has no argument "scrambel".* Did you mean "scramble"'),
    ],
)
def test_what_cannot_be_made_is_told_whether_it_is_executed_or_not(
    method: str, arguments: dict[str, Any], message: str, execute: bool, folder: Path
) -> None:
    with pytest.raises(InputError, match=message):
        sweep(folder, method, arguments, execute=execute)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("samplers:Unseeded", {}, "samplers:Unseeded draws .* and, asked again, .* as trial 1 of adam; a sampler must"),
        ("samplers:Outside", {}, r"ValueError: it draws 2\.0 for lr, which lies in \[1e-05, 1\]"),
        (
            "samplers:Failing",
            {},
            r"samplers\.py:4\d: samplers:Failing cannot search the space of adam \(AttributeError",
        ),
        ("samplers:no_sampler", {}, "samplers:no_sampler gives int, which is not a sampler of Optuna's"),
        ("TPESampler", {"n_startup_trials": "many"}, r"TPESampler cannot search the space of adam \(TypeError"),
    ],
)
def test_a_sampler_that_cannot_search_is_found_before_the_sweep(
    method: str, arguments: dict[str, Any], message: str, folder: Path
) -> None:
    with pytest.raises(InputError, match=rf"^[^\n]*: search\.method: [^\n]*{message}[^\n]*$"):
        check_sampler(sweep(folder, method, arguments))


def test_tradeoffs_are_refused_where_the_sampler_refuses_them(folder: Path) -> None:
    tradeoffs = [{"name": "summary/train_seconds"}]
    check_sampler(sweep(folder, "samplers:Upper", tradeoffs=tradeoffs))
    with pytest.raises(InputError, match=r"samplers:evolution cannot search the space of adam .*multi-objective"):
        check_sampler(sweep(folder, "samplers:evolution", tradeoffs=tradeoffs))


HUB_PACKAGE = """
from optuna.samplers import RandomSampler


class Hub(RandomSampler):
    pass
"""


def test_a_sampler_of_optunahub_comes_from_its_cache_or_the_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optunahub")
    monkeypatch.setenv("OPTUNAHUB_CACHE_HOME", str(folder / "hub"))
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # where nothing listens
    package = folder / "hub/github.com/optuna/optunahub-registry/main/package/samplers/hub"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(HUB_PACKAGE, encoding="utf-8")

    of = sweep(folder, "optunahub:samplers/hub:Hub")
    check_sampler(of)
    assert len(rates(of, folder / "study.journal")) == 8
    with pytest.raises(InputError, match=r'samplers/hub of OptunaHub has no "Hubb"\. Did you mean "Hub"'):
        sweep(folder, "optunahub:samplers/hub:Hubb")
    with pytest.raises(
        InputError, match=r"^[^\n]*search.method: samplers/far cannot be had from OptunaHub \(.*\); load it"
    ):
        sweep(folder, "optunahub:samplers/far:Far")
    sweep(folder, "optunahub:samplers/far:Far", execute=False)
