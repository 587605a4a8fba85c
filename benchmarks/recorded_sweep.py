"""What a sweep of the front door really trained, read from the records in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.timeline import Interval


@dataclass(frozen=True)
class RecordedTrial:
    """One trial: its spec, the optimizer steps that it trained, its last point of the curve, and when it ran."""

    spec: dict[str, Any]
    steps: int
    last_point: dict[str, float]
    interval: Interval


def recorded_trials(sweep_folder: Path) -> list[RecordedTrial]:
    """The trials of a finished sweep, confirmations among them, in the order in which they began."""
    trials = [_read(path) for path in sweep_folder.glob("trials/**/record.json")]
    if not trials:
        raise RuntimeError(f"{sweep_folder}: no trial left a record")
    return sorted(trials, key=lambda trial: trial.interval.started)


def _read(path: Path) -> RecordedTrial:
    """A record is last written at the trial's end; its start follows from its training time.

    Between the decisions of a scheduler a trial waits a little, which its training time does not count, so the first
    evaluation, if there is one, may tell of an earlier start.
    """
    record = json.loads(path.read_text(encoding="utf-8"))
    ended, seconds, curve = path.stat().st_mtime, record["train_seconds"], record["curve"]
    starts = [ended - seconds]
    if curve:
        starts.append(curve[0]["timestamp"] / 1000 - seconds * curve[0]["step"] / record["step"])
    return RecordedTrial(
        spec=record["spec"],
        steps=record["step"],
        last_point=curve[-1] if curve else {},
        interval=Interval(min(starts), ended),
    )
