"""What brings a disturbed sweep to go on: nothing, a resume, a repair, a copy of what was damaged."""

from __future__ import annotations

import time
from enum import IntEnum

from cluster.console.command_line import BAD_INPUT
from cluster.faults.disturbed_sweep import DisturbedSweep
from cluster.faults.fault import UnexpectedError

POLL_S = 0.1
# Drivers that end one after the other before more than a resume is tried.
RESUMES = 3


class Remedy(IntEnum):
    """What it took; the greater, the more."""

    NOTHING = 0
    RESUME = 1
    REPAIR = 2
    COPY = 3


def recover(sweep: DisturbedSweep, patience_s: float) -> Remedy:
    """Wait until the sweep has recorded more, or has ended, with what it takes; return that.

    Raises UnexpectedError where nothing helps, or not in so many seconds.
    """
    remedy, resumes, deadline = Remedy.NOTHING, 0, time.monotonic() + patience_s
    before = sweep.recorded
    while True:
        if sweep.code == 0 or (sweep.is_running and sweep.recorded > before):
            return remedy
        if time.monotonic() > deadline:
            raise UnexpectedError(f"nothing was recorded for {patience_s:.0f} s")
        if not sweep.is_running:
            resumes += 1
            if sweep.code != BAD_INPUT and resumes <= RESUMES:
                remedy = max(remedy, Remedy.RESUME)
            else:
                remedy = _more_than(remedy, sweep)
            sweep.start()
            before = sweep.recorded
        time.sleep(POLL_S)


def _more_than(remedy: Remedy, sweep: DisturbedSweep) -> Remedy:
    if remedy < Remedy.REPAIR:
        sweep.check("--repair")
        return Remedy.REPAIR
    if remedy < Remedy.COPY and sweep.restore():
        return Remedy.COPY
    raise UnexpectedError(f"its drivers end with {sweep.code}, and nothing helps")
