"""Train mlp/table on scikit-learn's tables, beside scikit-learn's own estimators on the same splits and on others.

Run from the repository: ``python -m tests.by_hand.tables_against_scikit_learn [SEEDS]``. Figures are of the test split:
accuracy in %, or the root mean squared error in the target's unit; after an estimator trained on the same splits stands
its mean over 20 other stratified splits of the raw table, in pipelines of scikit-learn alone.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from sklearn import datasets, ensemble, linear_model, model_selection, neural_network, pipeline, preprocessing

import trainables
from trainables import TrialSpec
from trainables.data.splits import DataSet
from trainables.training.training_run import open_training

TABLES = ("wine", "breast_cancer", "iris", "digits", "diabetes")
RATE = 1e-3


def estimators(regression: bool, seed: int) -> dict[str, Any]:
    """A linear model, boosted trees, and a net of the same sizes, batches, rate and epochs."""
    net: dict[str, Any] = {
        "hidden_layer_sizes": (128, 64), "learning_rate_init": RATE, "batch_size": 32, "max_iter": 40, "alpha": 0.0,
        "random_state": seed, "n_iter_no_change": 1000,
    }  # fmt: skip
    if regression:
        return {
            "ridge": linear_model.RidgeCV(),
            "boosting": ensemble.HistGradientBoostingRegressor(random_state=seed),
            "net": neural_network.MLPRegressor(**net),
        }
    return {
        "logistic": linear_model.LogisticRegression(max_iter=2000),
        "boosting": ensemble.HistGradientBoostingClassifier(random_state=seed),
        "net": neural_network.MLPClassifier(**net),
    }


def ours(name: str, data: DataSet, options: dict[str, Any], seed: int) -> float:
    """The score of a run at Adam's usual rate and the workload's own budget."""
    entry = trainables.get("mlp/table")
    spec = TrialSpec("mlp/table", entry.epochs, entry.batch_size, "adam", {"lr": RATE}, seed, options=options)
    training = open_training(spec, data, torch.device("cpu"))
    training.advance(10**9)
    return training.test_metrics()[entry.score_with(options)[0]]


def judged(predicted: np.ndarray, targets: Any, regression: bool, deviation: float) -> float:
    """Accuracy, or the error in units of ``deviation``."""
    return float(
        np.sqrt(np.mean((predicted - targets) ** 2)) * deviation if regression else np.mean(predicted == targets)
    )


def elsewhere(name: str, kind: str, regression: bool) -> float:
    """The mean over other splits, of which 70 % of the rows train and 15 % test as here."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    deviation = y.std() if regression else 1.0
    scores = []
    for seed in range(20):
        stratify = None if regression else y
        targets = (y - y.mean()) / deviation if regression else y
        train, test, of_train, of_test = model_selection.train_test_split(
            x, targets, train_size=0.7, test_size=0.15, random_state=seed, stratify=stratify
        )
        fitted = pipeline.make_pipeline(preprocessing.StandardScaler(), estimators(regression, seed)[kind])
        scores.append(judged(fitted.fit(train, of_train).predict(test), of_test, regression, deviation))
    return mean(scores)


def main(seeds: int) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of nets that would train longer
    entry = trainables.get("mlp/table")
    for name in TABLES:
        options = entry.check_options({"dataset": name})
        data = entry.load_data(Path(), options)
        regression = options["task"] == "regression"
        deviation, unit = data.schema.get("deviation", 1.0), 1 if regression else 100
        own = [ours(name, data, options, seed) * unit for seed in range(1, seeds + 1)]
        told = [f"mlp/table {mean(own):.2f} +- {stdev(own):.2f}"]
        train, test = ((split.inputs.numpy(), split.targets.numpy()) for split in (data.train, data.test))
        for kind in estimators(regression, 0):
            fitted = [
                estimators(regression, seed)[kind].fit(*train) for seed in range(1, seeds + 1 if kind == "net" else 2)
            ]
            scores = [judged(one.predict(test[0]), test[1], regression, deviation) * unit for one in fitted]
            spread = f" +- {stdev(scores):.2f}" if len(scores) > 1 else ""
            told.append(f"{kind} {mean(scores):.2f}{spread} (elsewhere {elsewhere(name, kind, regression) * unit:.2f})")
        print(f"{name} ({len(train[1])}/{len(test[1])}): {'; '.join(told)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
