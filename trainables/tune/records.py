"""What stands of a trial's record: a trial may have trained on before it was known that it was to be stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def record_up_to(record: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    """Return a trial's record as it was after an epoch, or evaluation: without an outcome, and with its share of time.

    Returns it as it is where it does not reach beyond that.
    """
    if record["epoch"] <= epoch and "outcome" not in record:
        return dict(record)
    curve = [point for point in record["curve"] if point["epoch"] <= epoch]
    step = curve[-1]["step"] if curve else 0
    cut = {key: value for key, value in record.items() if key != "outcome"}
    seconds = record["train_seconds"] * step / record["step"] if record["step"] else 0.0
    return {**cut, "curve": curve, "step": step, "epoch": epoch, "train_seconds": seconds}
