"""All that determines a run, as plain data that fits into JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Goal = Literal["minimize", "maximize"]
"""Which way a metric is better."""


@dataclass(frozen=True)
class TrialSpec:
    """One training run: the same spec on the same machine and versions gives the same bits on the CPU.

    ``hyperparameters`` go to ``optimizers.build`` as they are. ``metric``, ``goal`` and ``target`` say what the summary
    counts. ``test`` makes the run read the test split, once, after its last step. ``training`` says how it is trained,
    ``options`` are the workload's own; what they leave out is at its default. ``evaluate_every`` optimizer steps stand
    for an epoch wherever epochs are counted but in the order of the data; None: an epoch is one. ``code`` is the digest
    of the user's code that ``workload``, ``optimizer`` and schedules name, where they name any.
    """

    workload: str
    epochs: int
    batch_size: int
    optimizer: str
    hyperparameters: dict[str, Any]
    seed: int
    metric: str = "val/loss"
    goal: str = "minimize"
    target: float | None = None
    test: bool = False
    training: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    evaluate_every: int | None = None
    code: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain data; without ``code`` where there is none, as every run was recorded before there could be any."""
        return {name: value for name, value in asdict(self).items() if name != "code" or value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrialSpec:
        return cls(**data)

    @property
    def config_hash(self) -> str:
        """Twelve hex digits that are equal exactly for runs that differ in nothing but their seed and role."""
        configuration = {key: value for key, value in self.to_dict().items() if key not in ("seed", "test")}
        return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:12]
