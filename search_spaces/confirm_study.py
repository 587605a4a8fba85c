"""The confirmation of an arm as an Optuna study of its own: the best of its search, each with every fresh seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces.schema import Sweep
from search_spaces.study import Assignment, SearchStudy, TrialStudy, key_of, search_study_name

# More than a search will ever have.
MOST_TRIALS = 10**6


class ConfirmStudy(TrialStudy):
    """The confirmation of one arm: its best configurations, each once with every fresh seed."""

    role = "confirm"

    def __init__(self, storage: BaseStorage, sweep: Sweep, search: SearchStudy) -> None:
        name = f"{search_study_name(sweep, search.arm)}/confirm"
        super().__init__(storage, name, search.contest, search.arm, [sweep.metric.goal])
        self._search_study = search
        self._seeds, self._top_k = sweep.confirm.seeds, sweep.confirm.top_k

    def plan(self) -> None:
        """Queue every pair of configuration and seed that is not there yet; called once the arm's search is over.

        A pair whose run failed is queued once more.
        """
        wanted = [
            {"configuration": number, "seed": seed}
            for number in self._search_study.best(self._top_k)
            for seed in self._seeds
        ]
        there = Counter(_pair(trial) for trial in self.trials() if trial.state != TrialState.FAIL)
        failed = Counter(_pair(trial) for trial in self.trials(TrialState.FAIL))
        for pair in wanted:
            if not there[key_of(pair)] and failed[key_of(pair)] < 2:
                self.study.enqueue_trial(pair)

    def ask(self) -> Assignment | None:
        if not self.trials(TrialState.WAITING):
            return None
        return self._take(self.study.ask())

    def assignment(self, trial: FrozenTrial) -> Assignment:
        return self._assign(trial.number, trial.params)

    def _take(self, trial: optuna.Trial) -> Assignment:
        self._asked[trial.number] = trial
        seed = trial.suggest_categorical("seed", self._seeds)
        # A whole number and no choice, as the choices change when a sweep gets more trials.
        chosen = trial.suggest_int("configuration", 0, MOST_TRIALS)
        return self._assign(trial.number, {"seed": seed, "configuration": chosen})

    def _assign(self, number: int, pair: dict[str, Any]) -> Assignment:
        confirmed = self._search_study.study.get_trials(deepcopy=False)[pair["configuration"]]
        return replace(
            self._search_study.assignment(confirmed),
            role=self.role,
            number=number,
            seed=pair["seed"],
            confirms=pair["configuration"],
            parent=None,
            since=0,
            until=None,
        )


def _pair(trial: FrozenTrial) -> str:
    return key_of(trial.params or trial.system_attrs.get("fixed_params", {}))
