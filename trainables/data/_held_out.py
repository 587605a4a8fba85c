"""Cutting a held-out split off a data set, the same one each time, with equal examples on one side."""

from __future__ import annotations

import numpy as np
import torch

from optimizers import InputError
from trainables.data._example_digests import digests_of
from trainables.data.array_cache import SPLIT_SEED, stratified_holdout
from trainables.data.splits import Split

FEWEST = 10


def cut_off(split: Split, share: float) -> tuple[Split, Split]:
    """Return the split without its held-out examples, and those: ``share`` of all, every class at its own share.

    Examples that are equal count as one. Raises InputError where there are too few of them.
    """
    first, group = _groups(split)
    if len(first) < FEWEST:
        raise InputError(
            f"there are {len(first)} different examples, too few to be split; at least {FEWEST} are needed"
        )
    count = max(1, round(share * len(first)))
    targets = split.targets
    if targets.ndim == 1 and not targets.is_floating_point():
        _, held_out = stratified_holdout(targets.numpy()[first], count)
    else:
        held_out = np.random.default_rng(SPLIT_SEED).permutation(len(first))[:count]
    chosen = torch.from_numpy(np.isin(group, held_out))
    return _of(split, ~chosen), _of(split, chosen)


def _groups(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """The place of the first of each group of equal examples, and each example's group."""
    numbers: dict[bytes, int] = {}
    group = np.array([numbers.setdefault(digest, len(numbers)) for digest in digests_of(split)])
    _, first = np.unique(group, return_index=True)
    return first, group


def _of(split: Split, chosen: torch.Tensor) -> Split:
    return Split(split.inputs[chosen], split.targets[chosen])
