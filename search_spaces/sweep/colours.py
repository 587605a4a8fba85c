"""The colour of each arm: the same in MLflow, in figures and in reports."""

from __future__ import annotations

from search_spaces.sweep.resolved import Sweep

# Okabe and Ito's colours, which colour-blind readers can tell apart.
ARM_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")


def arm_colour(sweep: Sweep, arm: str) -> str:
    """By the arm's place in the sweep; a ninth arm has the first one's colour again."""
    return ARM_COLOURS[list(sweep.arms).index(arm) % len(ARM_COLOURS)]
