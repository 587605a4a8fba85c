"""How long a sweep will still take, from how long its runs have taken so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from trainables.mlflow_contract import Status

# With fewer runs ended nothing is told; but one that took so long says enough.
MEASURED_RUNS = 3
MEASURED_S = 60.0
# A run that takes longer than was expected is expected to take this share of its time more.
OVERDUE = 0.25

Kind = tuple[str, str]
"""The line that a run belongs to (its arm, and its workload where there are several), and its role."""


@dataclass(frozen=True)
class _Ran:
    kind: Kind
    began: float
    ended: float
    finished: bool

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Pace:
    """Estimates the time left. It is told of runs as they start and end, each with its time in seconds of one clock."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Kind, float]] = {}
        self._ran: list[_Ran] = []

    def started(self, run: str, kind: Kind, at: float) -> None:
        self._running[run] = (kind, at)

    def ended(self, run: str, status: Status, at: float) -> None:
        """One that failed says nothing about the run that replaces it; it may never have started."""
        started = self._running.pop(run, None)
        if started is not None and status != Status.FAILED:
            self._ran.append(_Ran(*started, at, status == Status.FINISHED))

    def lost(self, run: str) -> None:
        """Its process is gone; it starts again."""
        self._running.pop(run, None)

    @property
    def running(self) -> int:
        return len(self._running)

    def seconds_left(self, left: Mapping[Kind, int], now: float) -> float | None:
        """Seconds until the runs ``left``, those that run among them, have ended; None until it can be told."""
        since, ran = self._measured()
        if not ran:
            return None
        running = [(_expected(kind, ran), now - began) for kind, began in self._running.values()]
        going_on = [max(expected - so_far, OVERDUE * so_far) for expected, so_far in running]
        waiting = Counter(left) - Counter(kind for kind, _ in self._running.values())
        work = sum(going_on) + sum(count * _expected(kind, ran) for kind, count in waiting.items())
        # How many ran at once, on average: fewer than there are places, by what is lost between two runs.
        spans = [*((run.began, run.ended) for run in self._ran), *((began, now) for _, began in self._running.values())]
        spent = sum(max(0.0, end - max(begin, since)) for begin, end in spans)
        return max([work * (now - since) / max(spent, 1e-9), *going_on])

    def _measured(self) -> tuple[float, list[_Ran]]:
        """The runs by which to estimate, none while they are too few, and since when their pace is kept.

        What is done once, such as reading data and compiling, makes those slow that began before the first had ended.
        """
        first_end = min((run.ended for run in self._ran), default=0.0)
        later = [run for run in self._ran if run.began >= first_end]
        if len(later) >= MEASURED_RUNS:
            return first_end, later
        if any(run.seconds >= MEASURED_S for run in self._ran):
            return min(run.began for run in self._ran), self._ran
        return 0.0, []


def _expected(kind: Kind, ran: Sequence[_Ran]) -> float:
    """Seconds of a run, from those most like it that have ended.

    Most trials of a search are stopped early; a confirmation, and the trial that it repeats, are not.
    """
    line, role = kind
    full = [run for run in ran if run.finished or run.kind[1] == role]
    alike = (
        [run for run in ran if run.kind == kind],
        [run for run in full if run.kind[0] == line],
        full,
        ran,
    )
    return fmean(run.seconds for run in next(filter(None, alike)))


def in_words(seconds: float) -> str:
    """A duration as precise as an estimate is: ``40 s``, ``7 min``, ``2 h 10 min``, ``3 days``."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 90:
        return f"{round(seconds / 5) * 5} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    if hours < 10 and rest:
        return f"{hours} h {rest} min"
    return f"{round(minutes / 60)} h" if minutes < 48 * 60 else f"{round(minutes / 1440)} days"
