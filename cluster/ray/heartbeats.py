"""Trials that stand still: their processes live on and train nothing, so that Ray does not miss them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from search_spaces.study.assignment import Assignment
from search_spaces.study.searcher import SweepSearcher
from trainables.tune.heartbeat import START_S

LOOK_S = 1.0
# What counts of the time between two looks: while this process is halted itself, no trial is silent.
MOST_BETWEEN_LOOKS_S = 5.0


class Heartbeats(Callback):
    """Ends the process of a trial whose ``sign`` of life has not changed for ``timeout_s`` seconds.

    One that has not begun to train, and so has no sign, may take ``START_S`` more.

    The ``searcher`` then issues it again or has it fail, as it does with a trial whose process is lost. ``say`` tells
    of it.
    """

    def __init__(
        self,
        searcher: SweepSearcher,
        timeout_s: float,
        sign: Callable[[Assignment], object],
        say: Callable[[str], None],
    ) -> None:
        self._searcher, self._timeout_s, self._sign, self._say = searcher, timeout_s, sign, say
        self._looked = time.monotonic()
        # By Tune's ids: the last sign of life, and for how many seconds there was no other.
        self._silent: dict[str, tuple[object, float]] = {}

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        passed, self._looked = min(now - self._looked, MOST_BETWEEN_LOOKS_S), now
        before, self._silent = self._silent, {}
        for trial in trials:
            # One that is pending may have the process of another, which is still to end what it is at.
            if trial.status in (Trial.PENDING, Trial.RUNNING) and trial.temporary_state.ray_actor is not None:
                sign = self._sign(self._searcher.assignment(trial.trial_id))
                last, silent_s = before.get(trial.trial_id, (sign, 0.0))
                silent_s = silent_s + passed if sign == last else 0.0
                limit_s = self._timeout_s + (START_S if sign is None else 0.0)
                if silent_s > limit_s:
                    self._end(trial.trial_id, trial.temporary_state.ray_actor, limit_s)
                else:
                    self._silent[trial.trial_id] = sign, silent_s

    def _end(self, trial_id: str, actor: Any, silent_s: float) -> None:
        import ray

        name = self._searcher.assignment(trial_id).trial_id
        reason = f"it made no progress for {silent_s:g} s (resources.trial_timeout)"
        self._say(f"{name}: {reason}; its process is ended")
        self._searcher.stall(trial_id, reason)
        ray.kill(actor)

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles callbacks for a snapshot that is never read."""
        return {}
