"""What a person sees while a sweep runs: the whole of it in a line, and a line for each arm."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace

from rich.console import Console

from cluster.console.events import PROGRESS, tell
from cluster.console.progress import ArmState, fitting, laid_out
from cluster.run._time_left import Kind, Pace, in_words
from cluster.run.on_screen import on_screen, print_lines, width_of
from cluster.sessions.standing import Standing, State
from search_spaces import Sweep
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome, arm_path
from search_spaces.study.tally import COUNTED, ended_otherwise
from search_spaces.sweep.resolved import Contest
from trainables.mlflow_contract import Role, Status

KEPT_FAILURES = 5


class ArmProgress:
    """One line: its runs by how they ended, those running now, and the best value of the search so far."""

    def __init__(self, sweep: Sweep) -> None:
        self.metric, self._minimize = sweep.metric.name, sweep.metric.goal == "minimize"
        self.ended: Counter[Status] = Counter()
        self.running: set[str] = set()
        self.best: float | None = None

    def end(self, assignment: Assignment, outcome: Outcome) -> None:
        self.running.discard(assignment.trial_id)
        self.ended[outcome.status] += 1
        if assignment.role == Role.TRIAL and outcome.status == Status.FINISHED:
            better = self.best is None or (outcome.value < self.best) == self._minimize
            self.best = outcome.value if better else self.best

    @property
    def done(self) -> int:
        """Runs that count; in place of one that failed comes another."""
        return sum(self.ended[status] for status in COUNTED)

    def state(self, name: str, left: int) -> ArmState:
        """Return how it stands, with ``left`` runs still to end."""
        ended, running = ended_otherwise(self.ended), len(self.running)
        return ArmState(name, self.metric, self.done, left, running, ended, self.best, self._minimize)


class Display:
    """Lines that are redrawn on a terminal, and printed now and then elsewhere.

    An arm has a line on each workload; its studies share it. ``arms`` go by ``Assignment.path``.
    """

    def __init__(
        self,
        sweep: Sweep,
        console: Console,
        arms: Mapping[str, ArmStudies],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._arms, self._clock = console, arms, clock
        self._lines = {
            _name(Contest(name), arm): ArmProgress(sweep.on(name)) for name in sweep.by_workload for arm in sweep.arms
        }
        self._failures: deque[str] = deque(maxlen=KEPT_FAILURES)
        self._waits = ""
        for studies in arms.values():
            for assignment, outcome in studies.ended():
                self._end(assignment, outcome)
        self._left = {path: studies.left() for path, studies in arms.items()}
        self._pace = Pace()
        self._printed: list[str] = []
        # Trials are told of in one thread, and drawn in another.
        self._lock = threading.Lock()
        self._shown = ExitStack()

    def __enter__(self) -> Display:
        self._shown.enter_context(on_screen(self._console, self.lines, self._news))
        return self

    def __exit__(self, *_: object) -> None:
        self._shown.close()
        self._tell()
        print_lines(self._console, self.lines())

    def started(self, assignment: Assignment) -> None:
        with self._lock:
            self._waits = ""
            self._line(assignment).running.add(assignment.trial_id)
            self._pace.started(assignment.trial_id, _kind(assignment), self._clock())

    def lost(self, assignment: Assignment) -> None:
        """Its process or its node is gone; it starts again."""
        with self._lock:
            self._line(assignment).running.discard(assignment.trial_id)
            self._pace.lost(assignment.trial_id)

    def done(self, assignment: Assignment, status: Status) -> None:
        """It has trained to its end; whether that stands, what is told later will say."""
        with self._lock:
            self._line(assignment).running.discard(assignment.trial_id)
            self._pace.ended(assignment.trial_id, status, self._clock())

    def ended(self, assignment: Assignment, outcome: Outcome) -> None:
        left = self._arms[assignment.path].left()
        with self._lock:
            self._left[assignment.path] = left
            self._end(assignment, outcome)
            self._pace.ended(assignment.trial_id, outcome.status, self._clock())

    def waits(self, message: str) -> None:
        """Nothing runs, and why."""
        with self._lock:
            self._waits = message
        self.warn(message)

    def warn(self, message: str) -> None:
        self._console.print(f"warning: {message}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def shown_in(self, standing: Standing) -> Standing:
        """Return the standing of the sweep with what is shown now."""
        with self._lock:
            return replace(
                standing,
                state=State.WAITING if self._waits else State.RUNNING,
                arms=tuple(self._states()),
                seconds_left=self._seconds_left(self._left_by_kind()),
                reason=self._waits,
                failures=tuple(self._failures),
            )

    def lines(self) -> list[str]:
        """The whole and every arm, none longer than the terminal is wide; in a log, nothing is left out."""
        width = width_of(self._console)
        with self._lock:
            return [fitting(self._total(), width), *laid_out(self._states(), width)]

    def _states(self) -> list[ArmState]:
        return [line.state(name, self._left_on(name)) for name, line in self._lines.items()]

    def _news(self) -> list[str]:
        """The whole, and the arms of which there is something new since the last time."""
        self._tell()
        total, *arms = self.lines()
        news, self._printed = [line for line in arms if line not in self._printed], arms
        return [total, *news]

    def _tell(self) -> None:
        with self._lock:
            tell(PROGRESS, arms=[asdict(state) for state in self._states()])

    def _end(self, assignment: Assignment, outcome: Outcome) -> None:
        self._line(assignment).end(assignment, outcome)
        if outcome.status == Status.FAILED:
            self._failures.append(f"{assignment.trial_id}: {outcome.reason}")

    def _line(self, assignment: Assignment) -> ArmProgress:
        return self._lines[_kind(assignment)[0]]

    def _total(self) -> list[str]:
        left = self._left_by_kind()
        done = sum(line.done for line in self._lines.values())
        running = sum(len(line.running) for line in self._lines.values())
        counted = f"{done}/{done + left.total()} done"
        if not left:
            return [counted]
        seconds = self._seconds_left(left)
        told = "measuring" if seconds is None else f"about {in_words(seconds)} left"
        told = told if done or running else "starting"
        return [f"{counted}, {running} running, {told}", f"{counted}, {told}", counted]

    def _seconds_left(self, left: Mapping[Kind, int]) -> float | None:
        return self._pace.seconds_left(left, self._clock())

    def _left_by_kind(self) -> Counter[Kind]:
        left: Counter[Kind] = Counter()
        for path, roles in self._left.items():
            for role, count in roles.items():
                left[_name(self._arms[path].search.contest, self._arms[path].search.arm), role] += count
        return +left

    def _left_on(self, name: str) -> int:
        return sum(count for (line, _), count in self._left_by_kind().items() if line == name)


def _name(contest: Contest, arm: str) -> str:
    """Of the line that an arm's studies on one workload share."""
    return arm_path(Contest(contest.workload), arm)


def _kind(assignment: Assignment) -> Kind:
    return _name(assignment.contest, assignment.arm), assignment.role
