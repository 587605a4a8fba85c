"""What MLflow is told of a run beside its curve."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

# MLflow takes at most 36 characters of a data set's digest; the whole one is the tag `data.fingerprint`.
DIGEST_LENGTH = 32
MetricRow = tuple[str, float, int, int]
_CURVE_KEYS = ("step", "epoch", "timestamp")


@dataclass(frozen=True)
class DataDescription:
    """The name of a data set, and what is to be known of its source."""

    name: str
    source: Mapping[str, str]

    def as_input(self, fingerprint: str) -> DatasetInput:
        """The data set as MLflow's input of a run, with the start of its fingerprint as digest."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(self.name, fingerprint[:DIGEST_LENGTH], "code", json.dumps({"tags": dict(self.source)}))
        return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


@dataclass(frozen=True)
class RunDescription:
    """A run's name, tags and parameters; ``trial_id`` (tag ``trial.id``) is what the run is found by again.

    ``data`` is what it is trained on. ``note`` writes the Markdown of its page, given the run's id.
    """

    trial_id: str
    tags: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    data: DataDescription | None = None
    note: Callable[[str], str] | None = None


def metric_rows(curve: Sequence[Mapping[str, float]]) -> list[MetricRow]:
    """Name, value, time in ms and step of every metric in the points of a curve."""
    return [
        (name, value, int(point["timestamp"]), int(point["step"]))
        for point in curve
        for name, value in point.items()
        if name not in _CURVE_KEYS
    ]
