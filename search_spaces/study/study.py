"""The search of an arm by a sampler: ``search.trials`` configurations, the arm's default first, none twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces.schema.methods import GRID, window_of
from search_spaces.space.space import Configuration
from search_spaces.study.assignment import Assignment
from search_spaces.study.drawing import Drawing, Drawn
from search_spaces.study.recorded_search import DISCARDED, RecordedSearch, is_discarded, key_of
from search_spaces.sweep.resolved import Sweep

# Drawing a configuration that was tried already this often in a row means that the space holds no other.
MAX_DUPLICATES_IN_A_ROW = 50
DUPLICATES_BEFORE_CHANCE = 10
EXHAUSTED = "exhausted"


class SearchStudy(RecordedSearch):
    """Draws each trial from those of a window before it, whatever else is known already."""

    def __init__(self, storage: BaseStorage, sweep: Sweep, arm: str) -> None:
        super().__init__(storage, sweep, arm)
        self._drawing = Drawing(sweep.search, self.space, self._goals)
        self._window = window_of(sweep.search)
        # Numbers in their order; of these so many are shown to the sampler as they ended.
        self._issued: list[int] = []
        self._shown_ended = 0
        self._tried: set[str] = set()
        self._starts = [self.space.default(given) for given in ({}, *sweep.arms[arm].start)]
        for trial in self.trials():
            self._take_in(trial)

    def _take_in(self, recorded: FrozenTrial) -> None:
        """Show and settle a trial of an earlier driver."""
        trial = recorded if self._is_whole(recorded) else self._discard_recorded(recorded)
        self._show_ends()
        self._drawing.show(trial)
        self._enter_drawn(trial)

    def _is_whole(self, trial: FrozenTrial) -> bool:
        """Versions before recorded a trial in steps, between which their driver could be killed."""
        if trial.state.is_finished():
            return True
        try:
            self.configuration(trial)
        except ValueError:
            return False
        return trial.state != TrialState.WAITING

    def _discard_recorded(self, trial: FrozenTrial) -> FrozenTrial:
        storage = self.study._storage
        storage.set_trial_user_attr(trial._trial_id, DISCARDED, True)
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        return storage.get_trial(trial._trial_id)

    def _enter_drawn(self, trial: FrozenTrial) -> None:
        """Begin to settle a trial that is shown, or end one that is not to be run."""
        if is_discarded(trial):
            self._drawing.end(trial)
            return
        self._issued.append(trial.number)
        self._tried.add(key_of(self.configuration(trial)))
        self._enter(trial)

    def _show_ends(self) -> bool:
        """Show how the trials up to the window before the next one ended; return whether all of them have."""
        due = len(self._issued) - self._window + 1
        trials = self.trials()
        while self._shown_ended < due:
            trial = trials[self._issued[self._shown_ended]]
            if not trial.state.is_finished():
                return False
            self._drawing.end(trial)
            self._shown_ended += 1
        return True

    @property
    def gave_up(self) -> str | None:
        if EXHAUSTED in self.study.user_attrs:
            return "its space holds no further configuration"
        return super().gave_up

    def ask(self) -> Assignment | None:
        """Return the next new configuration; None when enough are issued, or while the window's trials run.

        A failed trial is replaced by another.
        """
        issued = len(self.trials(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING))
        if issued >= self._search.trials or self.gave_up or not self._show_ends():
            return None
        if self._search.method != GRID and self.space.count() <= len(self._tried):
            return self._end_exhausted()
        for attempt in range(MAX_DUPLICATES_IN_A_ROW):
            drawn = self._draw(at_random=attempt >= DUPLICATES_BEFORE_CHANCE)
            if drawn is None:
                return self._end_exhausted()
            if drawn.configuration is not None and key_of(drawn.configuration) not in self._tried:
                trial = self._record(drawn.trial)
                self._enter_drawn(trial)
                return self.assignment(trial)
            self._enter_drawn(self._record(_discarded(drawn.trial)))
        return self._end_exhausted()

    def _draw(self, *, at_random: bool) -> Drawn | None:
        """Take the next given configuration, or draw: ``at_random`` where the sampler stays put.

        None at the end of a grid.
        """
        for configuration in self._given():
            kept = self.space.to_optuna(configuration)
            # As it comes back from the study, which may differ in the last digit.
            if key_of(self.space.suggest(optuna.trial.FixedTrial(kept))) not in self._tried:
                return self._drawing.draw(kept)
        return None if self._search.method == GRID else self._drawing.draw(at_random=at_random)

    def _given(self) -> Iterator[Configuration]:
        """What is tried before anything is drawn."""
        return self.space.grid(self._search.points) if self._search.method == GRID else iter(self._starts)

    def _end_exhausted(self) -> None:
        """Kept in the study, as a search that is over must stay over: the confirmation has begun."""
        if EXHAUSTED not in self.study.user_attrs:
            self.study.set_user_attr(EXHAUSTED, True)


def _discarded(drawn: FrozenTrial) -> FrozenTrial:
    drawn.state = TrialState.FAIL
    drawn.datetime_complete = datetime.now()
    drawn.set_user_attr(DISCARDED, True)
    return drawn
