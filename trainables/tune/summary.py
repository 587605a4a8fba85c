"""What one number each says of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trainables.mlflow_contract import STEPS, STEPS_TO_TARGET, TRAIN_SECONDS, best_of, final_of
from trainables.spec import Goal, TrialSpec

MEASURED: Mapping[str, Goal] = {TRAIN_SECONDS: "minimize", STEPS_TO_TARGET: "minimize"}
"""What a search may weigh against a metric, and which way it is better."""


def summarise(record: Mapping[str, Any]) -> dict[str, float]:
    """Numbers on a trial's record (see ``trainables.tune.trial``), each under ``summary/``.

    ``best_<metric>`` and ``final_<metric>`` (slashes become ``_``), ``steps_to_target``: those of the first evaluation
    that reached the target; a run that missed it has no such key; ``train_seconds`` without evaluations, and ``steps``.
    """
    own = {TRAIN_SECONDS: record["train_seconds"], STEPS: record["step"] - record.get("inherited_steps", 0)}
    return {**_of_curve(TrialSpec.from_dict(record["spec"]), record["curve"]), **own}


def last_values(record: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    """The named metrics at a run's end; infinity for steps to a target that it missed."""
    known = {**record["curve"][-1], **summarise(record)}
    return [known.get(name, math.inf) for name in names]


def _of_curve(spec: TrialSpec, curve: Sequence[Mapping[str, float]]) -> dict[str, float]:
    if not curve:
        return {}
    values = [point[spec.metric] for point in curve]
    best = min(values) if spec.goal == "minimize" else max(values)
    summary = {best_of(spec.metric): best, final_of(spec.metric): values[-1]}
    reached = [point["step"] for point in curve if _reaches(spec, point[spec.metric])]
    return {**summary, STEPS_TO_TARGET: reached[0]} if reached else summary


def _reaches(spec: TrialSpec, value: float) -> bool:
    if spec.target is None:
        return False
    return value <= spec.target if spec.goal == "minimize" else value >= spec.target
