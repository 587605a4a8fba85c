"""Pareto fronts: what nothing else is better than in every respect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def pareto_front(values: ArrayLike, minimize: Sequence[bool]) -> list[int]:
    """Indices of the rows of ``values`` (one an item, one column an objective) that no other row dominates, in order.

    A row dominates another when it is nowhere worse and somewhere better; equal rows leave each other standing.
    """
    signed = np.where(minimize, 1.0, -1.0) * np.asarray(values, dtype=float).reshape(-1, len(minimize))
    nowhere_worse = (signed[:, None] <= signed[None]).all(axis=2)
    somewhere_better = (signed[:, None] < signed[None]).any(axis=2)
    dominated = (nowhere_worse & somewhere_better).any(axis=0)
    return np.flatnonzero(~dominated).tolist()
