"""Ray Tune as its documentation shows it: a function that reports every epoch, OptunaSearch, MLflow's callback.

    python -m benchmarks.rivals.ray_tune FOLDER

The documentation's advice is taken: the data goes to the trials with `tune.with_parameters`, and a trial has one core.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch
from torch.utils.data import TensorDataset

from benchmarks.rivals import digits
from benchmarks.timeline import recorded


def train_digits(config: dict[str, Any], data: tuple[TensorDataset, TensorDataset], folder: Path) -> None:
    with recorded(folder / "timeline.jsonl"):
        digits.train(config["lr"], data, report=tune.report)


def main(folder: Path) -> None:
    trainable = tune.with_parameters(train_digits, data=digits.load_data(), folder=folder)
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={"lr": tune.loguniform(*digits.LEARNING_RATES)},
        tune_config=tune.TuneConfig(
            metric="val_loss", mode="min", search_alg=OptunaSearch(seed=0), num_samples=digits.TRIALS
        ),
        run_config=tune.RunConfig(
            name="digits",
            storage_path=str(folder / "ray_results"),
            callbacks=[
                MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name="digits")
            ],
        ),
    )
    print(tuner.fit().get_best_result().config)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
