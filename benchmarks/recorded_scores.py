"""What real configurations reach with many seeds, as a table from which whole sweeps can be judged a thousand times.

``python -m benchmarks.recorded_scores NAME ...`` trains the table of a question, one process a core: configurations
drawn at random from its space, each with the seeds of the search, of which the validation curves are kept, and with
those of the confirmation, of which the test scores are kept.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.recorded_curves import Places
from search_spaces import Sweep, parse_sweep
from search_spaces.space.space import configuration_of, hyperparameters
from search_spaces.study.assignment import Assignment
from search_spaces.tracking.codec import flatten
from trainables.mlflow_contract import Role

SEARCH_SEEDS = range(4)
CONFIRM_SEEDS = range(100, 115)
NEAR = 3
"""A run takes the scores of one of so many nearest configurations: two runs seldom have the very same ones."""


@dataclass(frozen=True)
class Question:
    """A workload with its budget, what is searched on it, and how many configurations of that are recorded."""

    name: str
    workload: Mapping[str, Any]
    arm: Mapping[str, Any]
    configurations: int

    @property
    def path(self) -> Path:
        """The file of its table."""
        return Path(__file__).with_name("recorded") / f"scores-{self.name}.npz"

    def sweep(self, **overrides: Any) -> Sweep:
        """A sweep of one arm, ``same``; ``overrides`` as with --set, a double underscore for a dot."""
        content = {
            "name": self.name,
            "workload": self.workload,
            "metric": {"name": "val/loss", "goal": "minimize"},
            "baseline": "same",
            "arms": {"same": self.arm},
            "scheduler": {"type": "asha", "grace": 2, "eta": 3},
            "confirm": {"seeds": [1_000_000]},
        }
        assignments = [f"{key.replace('__', '.')}={json.dumps(value)}" for key, value in overrides.items()]
        return parse_sweep(json.dumps(content), f"{self.name}.yaml", assignments)


_DIGITS = {"name": "mlp/digits", "epochs": 12, "batch_size": 64}
_MNIST = {"name": "mlp/mnist", "steps": 160, "evaluate_every": 20, "batch_size": 64}
_RATES = {"optimizer": "adam", "space": ["lr"]}
_SCHEDULES = {"optimizer": "moment_adam", "space": ["lr", "beta_schedules"]}
QUESTIONS = {
    question.name: question
    for question in (
        Question("digits-lr", _DIGITS, _RATES, 200),
        Question("digits-betas", _DIGITS, _SCHEDULES, 400),
        Question("mnist-lr", _MNIST, _RATES, 80),
        Question("mnist-betas", _MNIST, _SCHEDULES, 120),
    )
}


class RecordedScores:
    """The table of a question: a run of a configuration is that of one of the nearest recorded ones.

    ``curves`` (n, search seeds, evaluations) hold the metric of the search, ``scores`` (n, confirmation seeds) the test
    score as MLflow stores it.
    """

    def __init__(self, question: Question) -> None:
        table = np.load(question.path)
        self.curves, self.scores = table["curves"], table["scores"]
        parameters = question.sweep().arms["same"].space.parameters
        self._places = Places(parameters, [json.loads(one) for one in table["configurations"]])

    def near(self, hyperparameters: Mapping[str, Any]) -> list[int]:
        """The rows of the nearest configurations, the nearest first."""
        distances = self._places.distances(configuration_of(flatten(hyperparameters)))
        return [int(row) for row in np.argsort(distances)[:NEAR]]


def configuration_at(question: Question, row: int) -> dict[str, Any]:
    """Return the configuration of a row, by the names of the space."""
    return json.loads(str(np.load(question.path)["configurations"][row]))


def record(question: Question) -> None:
    """Train a question's table and write its file."""
    configurations = _drawn(question)
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        trained = processes.map(_scores, [question.name] * len(configurations), configurations, chunksize=4)
        curves, scores = map(np.array, zip(*trained, strict=True))
    np.savez_compressed(
        question.path,
        configurations=np.array([json.dumps(one) for one in configurations]),
        curves=curves.astype(np.float32),
        scores=scores.astype(np.float32),
    )


def _drawn(question: Question) -> list[dict[str, Any]]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space = question.sweep().arms["same"].space
    return [space.suggest(study.ask()) for _ in range(question.configurations)]


def _scores(name: str, configuration: dict[str, Any]) -> tuple[list[list[float]], list[float]]:
    """The curve for each seed of the search, and the test score for each of the confirmation."""
    curves = [train(name, configuration, Role.TRIAL, seed) for seed in SEARCH_SEEDS]
    return curves, [train(name, configuration, Role.CONFIRM, seed)[0] for seed in CONFIRM_SEEDS]


def train(name: str, configuration: dict[str, Any], role: Role, seed: int) -> list[float]:
    """Return the validation curve of a trial, or the test score of a confirmation as its one value.

    What diverges stays at the worst that it had, and scores as a guess does.
    """
    from cluster.tracking.run_description import trial_spec
    from trainables.training.training_run import open_training

    sweep, data, device, score = _ready(name)
    training = open_training(
        trial_spec(sweep, Assignment("same", role, 0, hyperparameters(configuration), seed)), data, device
    )
    training.advance(training.total_steps)
    if role == Role.CONFIRM:
        return [1 / data.classes if training.diverged else training.test_metrics()[score]]
    curve = [point[sweep.metric.name] for point in training.curve]
    return curve + [max(curve, default=10.0)] * (sweep.workload.evaluations - len(curve))


@lru_cache
def _ready(name: str) -> tuple[Sweep, Any, Any, str]:
    import torch

    import trainables

    torch.set_num_threads(1)
    sweep = QUESTIONS[name].sweep()
    entry = trainables.get(sweep.workload.name)
    score, _ = entry.score_with(sweep.workload.options)
    data = entry.load_data(Path(os.environ.get("ADAMANT_DATA", "data")), dict(sweep.workload.options))
    return sweep, data, torch.device("cpu"), score


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        record(QUESTIONS[wanted])
        sys.stdout.write(f"{QUESTIONS[wanted].path.name}\n")
