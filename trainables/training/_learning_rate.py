"""The learning rate of a run over its steps, as a factor on what the optimizer was built with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def factor(step: int, total: int, training: Mapping[str, Any]) -> float:
    """The factor at ``step`` (1 to ``total``) under the checked training options.

    It grows linearly over the warm-up, and then, over the remaining steps, stays (constant), falls linearly or along
    half a cosine to 0, or is multiplied by gamma at each milestone (step), which are shares of all steps.
    """
    warmup = round(training["warmup"] * total)
    if step <= warmup:
        return step / warmup
    done = (step - 1 - warmup) / (total - warmup)
    if training["lr_schedule"] == "linear":
        return 1 - done
    if training["lr_schedule"] == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if training["lr_schedule"] == "step":
        return training["gamma"] ** sum((step - 1) / total >= milestone for milestone in training["milestones"])
    return 1.0
