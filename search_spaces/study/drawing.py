"""Drawing configurations in the order of their numbers, each from the trials of a window before it.

What is drawn as trial k follows from how the trials up to k - window ended and from the configurations of those after
them, and from nothing else that may be known already. So it does not depend on how many trials run at once, nor on
which of them ends first.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from optimizers import InputError
from search_spaces.schema.parameter import Scalar
from search_spaces.schema.sweep_file import Search
from search_spaces.schema.workload_keys import Goal
from search_spaces.space.space import ArmSpace, Configuration
from search_spaces.study.samplers import make_sampler

# Of a recorded trial: what the sampler had noted in the study after it was drawn.
STUDY_NOTES = "adamant:study"


@dataclass(frozen=True)
class Drawn:
    """A trial as it is to be recorded; ``configuration`` is None where its bounds leave nothing between them."""

    trial: FrozenTrial
    configuration: Configuration | None


class Drawing:
    """The samplers' view of one study: a study in memory that a recorded trial enters, and ends in, by its number.

    A sampler writes notes into trials and studies. Those of trials are recorded with them; those of the study are
    recorded with the trial that was drawn, so that another process draws on as this one would have.
    """

    def __init__(self, search: Search, space: ArmSpace, goals: Sequence[Goal]) -> None:
        self._search, self._space = search, space
        self._shown = optuna.create_study(
            directions=goals, sampler=optuna.samplers.RandomSampler(), pruner=optuna.pruners.NopPruner()
        )

    def draw(self, given: Mapping[str, Scalar] | None = None, *, at_random: bool = False) -> Drawn:
        """Draw the next trial by the sweep's sampler, or ``at_random``, or take what is ``given``.

        ``given`` has the names and units that a study stores. The trial is shown as running.
        """
        number = len(self._shown.get_trials(deepcopy=False))
        random = optuna.samplers.RandomSampler(seed=number)
        self._shown.sampler = random if at_random else make_sampler(self._search, number)
        if given is not None:
            self._shown.enqueue_trial(dict(given))
        trial = self._shown.ask()
        try:
            configuration = self._space.suggest(trial)
        except InputError:
            configuration = None
        return Drawn(self._template(number), configuration)

    def _template(self, number: int) -> FrozenTrial:
        drawn = copy.deepcopy(self._shown.get_trials(deepcopy=False)[number])
        notes = self._storage.get_study_system_attrs(self._shown._study_id)
        if notes:
            drawn.system_attrs = {**drawn.system_attrs, STUDY_NOTES: dict(notes)}
        return drawn

    def show(self, trial: FrozenTrial) -> None:
        """Show a trial that was recorded before as running."""
        attributes = {key: value for key, value in trial.system_attrs.items() if key != STUDY_NOTES}
        self._storage.create_new_trial(
            self._shown._study_id,
            optuna.trial.create_trial(
                state=TrialState.RUNNING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=trial.user_attrs,
                system_attrs=attributes,
            ),
        )
        for key, value in trial.system_attrs.get(STUDY_NOTES, {}).items():
            self._storage.set_study_system_attr(self._shown._study_id, key, value)

    def end(self, trial: FrozenTrial) -> None:
        """Show how a recorded trial ended."""
        shown = self._shown.get_trials(deepcopy=False)[trial.number]
        for epoch, value in trial.intermediate_values.items():
            self._storage.set_trial_intermediate_value(shown._trial_id, epoch, value)
        for key, value in trial.user_attrs.items():
            self._storage.set_trial_user_attr(shown._trial_id, key, value)
        self._shown.sampler = make_sampler(self._search, trial.number)
        values: Any = trial.values if trial.state == TrialState.COMPLETE else None
        self._shown.tell(trial.number, values, state=trial.state)

    @property
    def _storage(self) -> optuna.storages.BaseStorage:
        return self._shown._storage
