"""The durable record of an arm's search, an Optuna study: what was asked for, and what stands of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces.schema.workload_keys import Goal
from search_spaces.space.space import TRAINING, ArmSpace, Configuration, hyperparameters
from search_spaces.study.assignment import Assignment, Outcome, arm_path
from search_spaces.study.settling import Settled, Settling
from search_spaces.study.stopping import stopping_rule
from search_spaces.sweep.resolved import Sweep
from trainables.mlflow_contract import Role, Status

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
# What is set on a trial that is not to be run.
DISCARDED = "duplicate"


class RecordedSearch:
    """The search of one arm. Every call is durable when it returns.

    Trials enter in the order of their numbers, and what they report counts in that order: see :class:`Settling`.
    """

    role = Role.TRIAL

    def __init__(self, storage: BaseStorage, sweep: Sweep, arm: str) -> None:
        self.contest, self.arm, self.path = sweep.contest, arm, arm_path(sweep.contest, arm)
        self._goals: list[Goal] = [objective.goal for objective in sweep.objectives]
        self.study = _opened(storage, search_study_name(sweep, arm), self._goals)
        self._asked: dict[int, optuna.Trial] = {}
        self.space: ArmSpace = sweep.arms[arm].space
        self._search, self._evaluations = sweep.search, sweep.workload.evaluations
        self._planned = sweep.search.trials
        self._rule = stopping_rule(sweep.scheduler, self._evaluations)
        self._settling = Settling(self._rule, 1 if self._goals[0] == "minimize" else -1)
        # A resume is a new chance for what failed: whatever made it fail may be mended.
        self._failed_before = len(self._failures())

    def decisions(self, number: int) -> list[int]:
        """Return the epochs after which it is decided whether a trial goes on, and the last one."""
        return [*self._rule.epochs, self._evaluations]

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states or None)

    def hear(self, number: int, values: Mapping[int, float], outcome: Outcome | None = None) -> list[Settled]:
        """Take in a trial's metric at decisions and, at its end, how it ended; return what stands by that.

        What is returned is recorded; it may be of other trials, which have waited for this one.
        """
        settled = self._settling.hear(number, values, outcome)
        for one in settled:
            if one.outcome is None:
                self._report(one.number, one.epoch, one.value)
            else:
                self._tell(one.number, one.outcome)
        return settled

    def waits(self, number: int) -> bool:
        """Return whether it is open if a trial goes on, as earlier ones have not come so far."""
        return self._settling.waits(number)

    def looks_lost(self, number: int) -> bool:
        """Return whether a trial of which it is open would be stopped by what is known so far."""
        return self._settling.looks_lost(number)

    def _enter(self, trial: FrozenTrial) -> None:
        """Begin to settle a recorded trial."""
        over = trial.state.is_finished()
        if not over:
            self._asked[trial.number] = optuna.Trial(self.study, trial._trial_id)
        finite = {epoch: value for epoch, value in trial.intermediate_values.items() if math.isfinite(value)}
        self._settling.add(trial.number, self.decisions(trial.number), finite, over)

    def _record(self, drawn: FrozenTrial) -> FrozenTrial:
        """Write a new trial down, in one stroke: one that a driver was killed over is there whole or not at all."""
        trial_id = self.study._storage.create_new_trial(self.study._study_id, drawn)
        return self.study._storage.get_trial(trial_id)

    def _report(self, number: int, epoch: int, value: float) -> None:
        trial = self._asked[number]
        known = self.study._storage.get_trial(trial._trial_id).intermediate_values
        if len(self._goals) == 1 and epoch not in known:  # of several, Optuna keeps the last values alone
            trial.report(value, epoch)

    def _tell(self, number: int, outcome: Outcome) -> None:
        """Close a trial: finished is COMPLETE, pruned PRUNED, diverged PRUNED with NaN (ranked worst), lost FAIL."""
        trial = self._asked[number]
        if outcome.status == Status.FAILED:
            trial.set_user_attr("reason", outcome.reason)
            self.study.tell(number, state=TrialState.FAIL)
        elif outcome.status == Status.FINISHED:
            self._report(number, outcome.epoch, outcome.value)
            self.study.tell(number, [outcome.value, *outcome.tradeoffs])
        else:
            trial.set_user_attr("reason", str(outcome.status))
            self._report(number, outcome.epoch, math.nan if outcome.status == Status.DIVERGED else outcome.value)
            self.study.tell(number, state=TrialState.PRUNED)
        del self._asked[number]

    @property
    def gave_up(self) -> str | None:
        """Why the arm ends with fewer trials than asked, or None."""
        failures = self._failures()[self._failed_before :]
        if len(failures) > max(3, self._search.trials // 4):
            return f"{len(failures)} trials failed, the last with: {failures[-1].user_attrs.get('reason', 'no reason')}"
        return None

    def running(self) -> list[Assignment]:
        """Return what an earlier driver left running, to be issued again with the same numbers."""
        return [self.assignment(trial) for trial in self.trials(TrialState.RUNNING)]

    def ended(self) -> Iterator[tuple[Assignment, Outcome]]:
        """Every trial that the study holds as closed, with how it ended."""
        for trial in self.trials(*FINISHED, TrialState.FAIL):
            if not is_discarded(trial):
                yield self.assignment(trial), recorded_outcome(trial)

    def left(self) -> int:
        """How many trials have still to end."""
        running = len(self.trials(TrialState.RUNNING))
        return running if self.gave_up else max(running, self._planned - len(self.trials(*FINISHED)))

    def _failures(self) -> list[FrozenTrial]:
        return [trial for trial in self.trials(TrialState.FAIL) if not is_discarded(trial)]

    def best(self, count: int) -> list[int]:
        """Numbers of the best finished trials by the last value of the metric, best first.

        With several objectives, of those trials alone that none is better than in all: the Pareto front.
        """
        ended = self.trials(TrialState.COMPLETE) if len(self._goals) == 1 else self.study.best_trials
        return [trial.number for trial in self._ranked(ended)[:count]]

    def _ranked(self, ended: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        sign = 1 if self._goals[0] == "minimize" else -1
        return sorted(ended, key=lambda trial: (sign * trial.values[0], trial.number))

    def best_configuration(self) -> Configuration | None:
        """That of the best finished trial, if one has finished."""
        best = self.best(1)
        return self.configuration(self.trials()[best[0]]) if best else None

    def configuration(self, trial: FrozenTrial) -> Configuration:
        """What a recorded trial runs. Raises ValueError for one that was not drawn whole."""
        return self.space.suggest(optuna.trial.FixedTrial(trial.params))

    def assignment(self, trial: FrozenTrial) -> Assignment:
        """What a trial of this study ran, or is running."""
        values = hyperparameters(self.configuration(trial))
        training = values.pop(TRAINING, {})
        return Assignment(
            self.arm, self.role, trial.number, values, self._search.seed, training=training, contest=self.contest
        )


def _opened(storage: BaseStorage, name: str, directions: list[Goal]) -> optuna.Study:
    """The study of that name, made where there is none; opening one that is there writes nothing."""
    given: dict[str, Any] = {
        "storage": storage,
        "study_name": name,
        "sampler": optuna.samplers.RandomSampler(),
        "pruner": optuna.pruners.NopPruner(),
    }
    try:
        return optuna.load_study(**given)
    except KeyError:
        return optuna.create_study(directions=directions, **given)


def search_study_name(sweep: Sweep, arm: str) -> str:
    """Name of an arm's search study in the storage."""
    return f"{sweep.name}/{arm_path(sweep.contest, arm)}"


def recorded_outcome(trial: FrozenTrial) -> Outcome:
    """How a closed trial of a study ended."""
    reason = str(trial.user_attrs.get("reason", ""))
    values = trial.values or [math.nan]
    epoch, value = trial.last_step or 0, values[0]
    match trial.state:
        case TrialState.COMPLETE:
            return Outcome(Status.FINISHED, epoch, value, tradeoffs=tuple(values[1:]))
        case TrialState.PRUNED:
            return Outcome(Status(reason or Status.PRUNED), epoch, value)
        case _:
            return Outcome(Status.FAILED, epoch, value, reason)


def is_discarded(trial: FrozenTrial) -> bool:
    """Return whether a trial was drawn and is not to be run; it counts as none."""
    return DISCARDED in trial.user_attrs


def key_of(values: Mapping[str, Any]) -> str:
    """A text that is equal for equal values."""
    return json.dumps(values, sort_keys=True)
