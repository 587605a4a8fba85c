"""The data of a workload that needs none: examples without content, so that a budget can still be counted in epochs.

An example stands for one evaluation of the function that is minimised. A batch of several would be the mean of equal
values, so the batch size is 1 unless a sweep says otherwise, and an epoch is ``STEPS_PER_EPOCH`` steps.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.data.splits import DataSet

STEPS_PER_EPOCH = 100
# Half the side of the square around the usual start that seeds draw from: wide enough that no optimizer is judged by
# one lucky step, narrow enough that every seed has the same kind of way to go. A draw from the whole window would mix
# starts beside the minimum with some from which nothing arrives, and the seeds would say more than the optimizers.
SPREAD = 0.5


def check(root: Path) -> None:
    """Nothing to check, whatever ``root`` holds."""


def load(root: Path) -> DataSet:
    """Three equal splits of ``STEPS_PER_EPOCH`` examples: inputs (examples, 0), targets (examples,) all zero."""
    import torch

    from trainables.data.splits import DataSet, Split

    empty = Split(torch.empty(STEPS_PER_EPOCH, 0), torch.zeros(STEPS_PER_EPOCH, dtype=torch.int64))
    return DataSet(empty, empty, empty, fingerprint=hashlib.sha256(b"").hexdigest(), classes=1)
