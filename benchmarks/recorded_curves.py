"""Learning curves of a real sweep as a table, in which a searcher can be tried a thousand times in seconds.

``python -m benchmarks.recorded_curves SWEEP_FOLDER ARM FILE`` makes a table from the trials of one arm. The one that
ships is of 300 random configurations of Adam on mlp/digits:

    adamant run quickstart --set name=recorded --set 'arms={adam: {optimizer: adam}}' --set search.method=random \\
        --set search.trials=300 --set workload.epochs=27 --set 'scheduler={type: none}' --set 'confirm.seeds=[1]'
    python -m benchmarks.recorded_curves adamant-runs/recorded adam benchmarks/recorded/digits-adam.npz
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces import Parameter, parse_sweep

NEIGHBOURS = 5
# So near, in the unit cube, that two configurations weigh the same.
SAME_PLACE = 1e-4
DIGITS = Path(__file__).with_name("recorded") / "digits-adam.npz"
SWEEP = """
name: recorded
workload: {name: mlp/digits, epochs: 27}
baseline: adam
arms: {adam: {optimizer: adam}}
search: {trials: 48}
confirm: {seeds: [1000000]}
"""


class RecordedCurves:
    """A run of a configuration is the mean of the five nearest recorded ones, by their inverse squared distances.

    Distances are along the scales that the space draws from. A single curve has the noise of its seed, so the best of a
    table of them is mostly the luckiest, which no search can find but by chance.

    ``configurations`` (n, parameters) are in the order of ``parameters``, ``curves`` (n, epochs) hold the metric.
    """

    def __init__(self, path: Path, parameters: Mapping[str, Parameter]) -> None:
        table = np.load(path)
        self.curves = table["curves"]
        self._parameters = [parameters[str(name)] for name in table["parameters"]]
        self._names = [str(name) for name in table["parameters"]]
        self._places = np.stack([self._place(row) for row in table["configurations"]])

    def _place(self, values: Any) -> np.ndarray:
        """Where a configuration lies in the unit cube."""
        return np.array([_share(one, float(value)) for one, value in zip(self._parameters, values, strict=True)])

    def value(self, configuration: Mapping[str, Any], epoch: int) -> float:
        """The metric after an epoch, counted from 1."""
        here = self._place([configuration[name] for name in self._names])
        distances = np.square(self._places - here).sum(axis=1)
        nearest = np.argpartition(distances, NEIGHBOURS)[:NEIGHBOURS]
        weights = 1 / (distances[nearest] + SAME_PLACE)
        return float(weights @ self.curves[nearest, epoch - 1] / weights.sum())


def _share(parameter: Parameter, value: float) -> float:
    assert isinstance(parameter.min, float)
    assert isinstance(parameter.max, float)
    low, high = parameter.min, parameter.max
    if parameter.distribution == "one_minus_log_uniform":
        low, high, value = 1 - high, 1 - low, 1 - value
    return float(np.log(value / low) / np.log(high / low))


def record(folder: Path, arm: str, path: Path) -> int:
    """Write the table of an arm's trials, what diverged staying at the worst value of all; returns their number."""
    trials = sorted((folder / "trials" / arm).glob("*/record.json"))
    records = [json.loads(trial.read_text(encoding="utf-8")) for trial in trials]
    names = sorted(records[0]["spec"]["hyperparameters"])
    metric, epochs = records[0]["spec"]["metric"], records[0]["spec"]["epochs"]
    known = [[point[metric] for point in one["curve"]] for one in records]
    worst = max(max(values) for values in known if values)
    curves = [values + [worst] * (epochs - len(values)) for values in known]
    configurations = [[one["spec"]["hyperparameters"][name] for name in names] for one in records]
    np.savez_compressed(
        path,
        parameters=np.array(names),
        configurations=np.array(configurations, dtype=np.float64),
        curves=np.array(curves, dtype=np.float32),
    )
    return len(records)


def sweep_of_the_table(**overrides: Any) -> Any:
    """A sweep over the space of the table that ships; ``overrides`` as with --set, a double underscore for a dot."""
    assignments = [f"{key.replace('__', '.')}={json.dumps(value)}" for key, value in overrides.items()]
    return parse_sweep(SWEEP, "recorded.yaml", assignments)


if __name__ == "__main__":
    count = record(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    sys.stdout.write(f"{count} curves\n")
