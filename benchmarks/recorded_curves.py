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
from collections.abc import Mapping, Sequence
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


class Places:
    """Where configurations lie in their space: a number along the scale that it is drawn from, from 0 to 1.

    Two choices lie 1 apart, and a parameter that takes part in one configuration alone adds nothing to that.
    """

    def __init__(self, parameters: Mapping[str, Parameter], configurations: Sequence[Mapping[str, Any]]) -> None:
        self._parameters = parameters
        self._recorded = np.stack([self._place(one) for one in configurations])

    def distances(self, configuration: Mapping[str, Any]) -> np.ndarray:
        """The squared distance to each recorded configuration, (n,)."""
        apart = np.square(self._recorded - self._place(configuration))
        return np.nansum(np.minimum(apart, 1), axis=1)

    def _place(self, configuration: Mapping[str, Any]) -> np.ndarray:
        return np.array(
            [
                _share(parameter, configuration[name]) if name in configuration else np.nan
                for name, parameter in self._parameters.items()
            ]
        )


class RecordedCurves:
    """A run of a configuration is the mean of the five nearest recorded ones, by their inverse squared distances.

    Distances are along the scales that the space draws from. A single curve has the noise of its seed, so the best of a
    table of them is mostly the luckiest, which no search can find but by chance.

    ``configurations`` (n, parameters) are in the order of ``parameters``, ``curves`` (n, epochs) hold the metric.
    """

    def __init__(self, path: Path, parameters: Mapping[str, Parameter]) -> None:
        table = np.load(path)
        self.curves = table["curves"]
        names = [str(name) for name in table["parameters"]]
        configurations = [dict(zip(names, row, strict=True)) for row in table["configurations"]]
        self._places = Places(parameters, configurations)

    def value(self, configuration: Mapping[str, Any], epoch: int) -> float:
        """The metric after an epoch, counted from 1."""
        distances = self._places.distances(configuration)
        nearest = np.argpartition(distances, NEIGHBOURS)[:NEIGHBOURS]
        weights = 1 / (distances[nearest] + SAME_PLACE)
        return float(weights @ self.curves[nearest, epoch - 1] / weights.sum())


def _share(parameter: Parameter, value: Any) -> float:
    if parameter.min is None:
        return float((parameter.values or [value]).index(value))
    assert isinstance(parameter.min, float)
    assert isinstance(parameter.max, float)
    low, high = parameter.min, parameter.max
    match parameter.distribution:
        case "one_minus_log_uniform":
            return float(np.log((1 - value) / (1 - low)) / np.log((1 - high) / (1 - low)))
        case "log_uniform":
            return float(np.log(value / low) / np.log(high / low))
        case _:
            return (value - low) / (high - low)


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
