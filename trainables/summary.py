"""What one number each says of a finished curve."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.spec import TrialSpec


def summarise(spec: TrialSpec, curve: Sequence[dict[str, float]]) -> dict[str, float]:
    """``summary/best_<metric>``, ``summary/final_<metric>`` (slashes become ``_``) and ``summary/steps_to_target``.

    The steps are those of the first evaluation that reached the target; a run that missed it has no such key.
    """
    if not curve:
        return {}
    values = [point[spec.metric] for point in curve]
    best = min(values) if spec.goal == "minimize" else max(values)
    name = spec.metric.replace("/", "_")
    summary = {f"summary/best_{name}": best, f"summary/final_{name}": values[-1]}
    reached = [point["step"] for point in curve if spec.target is not None and _reaches(spec, point[spec.metric])]
    return {**summary, "summary/steps_to_target": reached[0]} if reached else summary


def _reaches(spec: TrialSpec, value: float) -> bool:
    if spec.target is None:
        return False
    return value <= spec.target if spec.goal == "minimize" else value >= spec.target
