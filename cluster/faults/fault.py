"""What a fault is: something that is done to a sweep, at a random moment of a session or between two of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cluster.faults.disturbed_sweep import DisturbedSweep


class NotNowError(Exception):
    """There is nothing yet, or nothing any more, to which the fault could be done."""


class UnexpectedError(Exception):
    """Something took the fault otherwise than it should have."""


class Moment(StrEnum):
    """When a fault is done."""

    RUNNING = "while it runs"
    REPORT = "while it ends"
    BETWEEN = "between two sessions"


@dataclass(frozen=True)
class Fault:
    """Something that is done to a sweep.

    Attributes:
        do: Does it, drawing what is random. Returns what was done, in words. May raise NotNowError.
        needs_server: Whether the sweep's runs must be on a server.
        may_fail: Whether a trial may fail by it, so that the sweep need not find the same.
        shows_in_check: Whether nothing but ``adamant check`` can see it.
    """

    name: str
    do: Callable[[DisturbedSweep, random.Random], str]
    moment: Moment = Moment.RUNNING
    needs_server: bool = False
    may_fail: bool = False
    shows_in_check: bool = False
