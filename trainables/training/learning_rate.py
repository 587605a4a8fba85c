"""The learning rate of a run over its steps, as a factor on what the optimizer was built with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optimizers import InputError, schedules
from optimizers.domains import NOT_NEGATIVE
from trainables.workloads.rate_schedule import RATE_WORDS

RATE = "lr_schedule"
OWNER = f"training: {RATE}"


class LearningRate:
    """The factor over the ``total`` steps and ``passes`` over the data of a run under checked training options.

    It grows linearly over the warm-up, and then, over the remaining steps, stays (constant), falls linearly or along
    half a cosine to 0, or is multiplied by gamma at each milestone (step), which are shares of all steps. A schedule
    of ``optimizers.schedules`` counts from the first step or pass of the run; a warm-up multiplies it.

    Raises InputError where the schedule gives a value that is no factor.
    """

    def __init__(self, training: Mapping[str, Any], total: int, passes: int) -> None:
        self._training, self._total = training, total
        self._warmup = round(training["warmup"] * total)
        self._schedule: dict[str, Any] | None = None
        given = training[RATE]
        if given not in RATE_WORDS.values:
            try:
                self._schedule = schedules.with_budget(given, steps=total, epochs=passes, owner=OWNER)
                schedules.check(self._schedule, 1.0, OWNER, NOT_NEGATIVE)
            except InputError as error:
                raise error.about(RATE) from None

    def factor(self, step: int, number: int) -> float:
        """The factor at ``step`` (1 to ``total``), which lies in the pass ``number``, counted from 1."""
        rising = step / self._warmup if step <= self._warmup else 1.0
        if self._schedule is not None:
            return rising * schedules.evaluate(
                self._schedule, 1.0, step if self._schedule["unit"] == "step" else number
            )
        return rising if step <= self._warmup else self._after_warmup(step)

    def _after_warmup(self, step: int) -> float:
        training = self._training
        done = (step - 1 - self._warmup) / (self._total - self._warmup)
        if training[RATE] == "linear":
            return 1 - done
        if training[RATE] == "cosine":
            return (1 + math.cos(math.pi * done)) / 2
        if training[RATE] == "step":
            return training["gamma"] ** sum((step - 1) / self._total >= share for share in training["milestones"])
        return 1.0
