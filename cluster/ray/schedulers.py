"""Tune's scheduler of a whole sweep: it asks the searcher, which settles trials by their numbers, what has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search_spaces.study.searcher import SweepSearcher


class SweepScheduler(FIFOScheduler):
    """Ends what the ``searcher`` says is over; ``slots`` says how many trials the cluster runs at once.

    ``stop`` is called for a trial that trains on although it is over, so that its process ends what it is at.
    """

    def __init__(self, searcher: SweepSearcher, slots: Callable[[], int], stop: Callable[[str], None]) -> None:
        super().__init__()
        self._searcher, self._slots, self._stop = searcher, slots, stop

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        return TrialScheduler.STOP if self._searcher.hear(trial.trial_id, result) else TrialScheduler.CONTINUE

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The oldest pending trial, or the newest while an actor is starting.

        A free actor goes to the trial chosen here. Were that one whose own actor is still starting, Tune would stop
        that actor, and with short trials the second core would never come up. The newest has none.
        """
        self._stop_overtaken(tune_controller)
        trials = tune_controller.get_trials()
        live = [trial for trial in trials if trial.status in (Trial.PENDING, Trial.RUNNING)]
        pending = [trial for trial in live if trial.status == Trial.PENDING]
        if not pending or len(pending) == len(trials):
            return None
        every_actor_is_up = len(live) - len(pending) >= self._slots() - 1
        return pending[0] if every_actor_is_up else pending[-1]

    def _stop_overtaken(self, tune_controller: Any) -> None:
        """Stop what is over by what another trial told; Tune asks a scheduler only at a trial's own results."""
        overtaken = self._searcher.take_overtaken()
        if not overtaken:
            return
        for trial in tune_controller.get_trials():
            if trial.trial_id in overtaken:
                self._stop(trial.trial_id)
                tune_controller.stop_trial(trial)

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles schedulers for a snapshot that is never read."""
        return {}

    def debug_string(self) -> str:
        return "trials end by their numbers"
