"""What a person sees while a sweep runs: one line an arm."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from search_spaces import Sweep
from search_spaces.population import planned_trials
from search_spaces.schema import Contest
from search_spaces.study import Assignment, Outcome, arm_path

REFRESHES_PER_SECOND = 2
# Where there is no terminal to redraw, the lines are printed this often.
PRINT_S = 15.0


def _line_of(assignment: Assignment) -> str:
    return arm_path(Contest(assignment.contest.workload), assignment.arm)


class ArmProgress:
    """Counts of one arm: runs by how they ended, those running now, and the best value of the search so far."""

    def __init__(self, sweep: Sweep, arm: str) -> None:
        confirmations = sweep.confirm.top_k * len(sweep.confirm.seeds)
        self.planned = sweep.search.studies * (planned_trials(sweep, arm) + confirmations)
        self.metric = sweep.metric.name
        self.ended: Counter[str] = Counter()
        self.running: set[str] = set()
        self.best: float | None = None
        self._minimize = sweep.metric.goal == "minimize"

    def end(self, assignment: Assignment, outcome: Outcome) -> None:
        self.running.discard(assignment.trial_id)
        self.ended[outcome.status] += 1
        if assignment.role == "trial" and outcome.status == "finished":
            better = self.best is None or (outcome.value < self.best) == self._minimize
            self.best = outcome.value if better else self.best

    @property
    def done(self) -> int:
        return sum(self.ended.values())


class Display:
    """Live lines on a terminal, plain lines elsewhere; ``ended`` are the runs of earlier sessions.

    An arm has a line on each workload; its studies share it.
    """

    def __init__(self, sweep: Sweep, console: Console, ended: Iterable[tuple[Assignment, Outcome]]) -> None:
        self._arms = {
            arm_path(Contest(name), arm): ArmProgress(sweep.on(name), arm)
            for name in sweep.by_workload
            for arm in sweep.arms
        }
        self._console = console
        for assignment, outcome in ended:
            self._arms[_line_of(assignment)].end(assignment, outcome)
        self._started, self._done_before = time.monotonic(), sum(arm.done for arm in self._arms.values())
        self._printed = self._started
        self._live = Live(
            console=console,
            get_renderable=lambda: Text("\n".join(self._lines())),
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
        )

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        self._print()

    def started(self, assignment: Assignment) -> None:
        self._arms[_line_of(assignment)].running.add(assignment.trial_id)
        self._print_now_and_then()

    def ended(self, assignment: Assignment, outcome: Outcome) -> None:
        self._arms[_line_of(assignment)].end(assignment, outcome)
        self._print_now_and_then()

    def warn(self, message: str) -> None:
        self._console.print(f"warning: {message}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def _print_now_and_then(self) -> None:
        if not self._console.is_terminal and time.monotonic() - self._printed > PRINT_S:
            self._print()

    def _print(self) -> None:
        self._printed = time.monotonic()
        for line in self._lines():
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _lines(self) -> list[str]:
        width = max(map(len, self._arms))
        left = self._time_left()
        return [f"{name:<{width}}  {self._line(arm)}{left}" for name, arm in self._arms.items()]

    def _line(self, arm: ArmProgress) -> str:
        parts = [f"{arm.done}/{arm.planned} done", f"{len(arm.running)} running"]
        parts += [f"{arm.ended[status]} {status}" for status in ("pruned", "diverged", "failed") if arm.ended[status]]
        if arm.best is not None:
            best = f"{arm.best:,.0f}" if 1e4 <= abs(arm.best) < 1e9 else f"{arm.best:.4g}"
            parts.append(f"best {arm.metric} {best}")
        return ", ".join(parts)

    def _time_left(self) -> str:
        done = sum(arm.done for arm in self._arms.values())
        planned = sum(arm.planned for arm in self._arms.values())
        if done == self._done_before or done >= planned:
            return ""
        seconds = (time.monotonic() - self._started) / (done - self._done_before) * (planned - done)
        return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"
