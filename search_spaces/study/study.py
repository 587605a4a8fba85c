"""The durable truth of a contest: per arm an Optuna study of the search."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from optimizers import InputError
from search_spaces.schema.methods import GRID
from search_spaces.schema.parameter import Scalar
from search_spaces.schema.workload_keys import Goal
from search_spaces.space.space import TRAINING, ArmSpace, Configuration, hyperparameters
from search_spaces.study.samplers import make_sampler
from search_spaces.sweep.resolved import Contest, Sweep
from trainables.mlflow_contract import Role, Status

# Drawing a configuration that was tried already this often in a row means that the space holds no other.
MAX_DUPLICATES_IN_A_ROW = 50
DUPLICATES_BEFORE_CHANCE = 10
EXHAUSTED = "exhausted"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Assignment:
    """One run that the study wants: which arm and role, its number in the study, and what to run.

    ``training`` is how it is trained where that is searched too. ``confirms`` is the number of the search trial whose
    configuration a confirmation repeats. A member of a population runs from evaluation ``since`` to ``until`` and goes
    on from the state of the trial ``parent``.
    """

    arm: str
    role: Role
    number: int
    hyperparameters: dict[str, Any]
    seed: int
    confirms: int | None = None
    training: dict[str, Any] = field(default_factory=dict)
    parent: str | None = None
    since: int = 0
    until: int | None = None
    contest: Contest = field(default_factory=Contest)

    @property
    def path(self) -> str:
        """Of the arm in its contest, see :func:`arm_path`."""
        return arm_path(self.contest, self.arm)

    @property
    def trial_id(self) -> str:
        """``adam/3`` for a trial of the search, ``adam/confirm/3`` for one of the confirmation, below its contest."""
        return f"{self.path}/{self.number}" if self.role == Role.TRIAL else f"{self.path}/{self.role}/{self.number}"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``status`` is finished, pruned, diverged or failed; ``value`` the metric at ``epoch``.

    ``tradeoffs`` are the further objectives of a finished trial, in the sweep's order.
    """

    status: Status
    epoch: int
    value: float
    reason: str = ""
    tradeoffs: tuple[float, ...] = ()


class SearchStudy:
    """The search of one arm: ``search.trials`` configurations, the arm's default first, none twice.

    It asks and tells one Optuna study; every call is durable when it returns.
    """

    role = Role.TRIAL

    def __init__(self, storage: BaseStorage, sweep: Sweep, arm: str) -> None:
        self.contest, self.arm, self.path = sweep.contest, arm, arm_path(sweep.contest, arm)
        self._goals: list[Goal] = [objective.goal for objective in sweep.objectives]
        self.study = optuna.create_study(
            storage=storage,
            study_name=search_study_name(sweep, arm),
            directions=self._goals,
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(),
            pruner=optuna.pruners.NopPruner(),
        )
        self._asked: dict[int, optuna.Trial] = {}
        self.space: ArmSpace = sweep.arms[arm].space
        self._search = sweep.search
        self._planned = sweep.search.trials
        self._tried = {key_of(self._configuration(trial)) for trial in self.trials() if _was_tried(trial)}
        # A resume is a new chance for what failed: whatever made it fail may be mended.
        self._failed_before = len(self._failures())
        if not self.trials():
            self._begin(sweep.arms[arm].start)

    def _begin(self, starts: Sequence[Mapping[str, Scalar]]) -> None:
        """Queue what is tried before anything is drawn."""
        if self._search.method != GRID:
            for given in ({}, *starts):
                self.study.enqueue_trial(self.space.to_optuna(self.space.default(given)))

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states or None)

    def report(self, number: int, epoch: int, value: float) -> None:
        """Record the metric at a decision; a value that is there already stays."""
        trial = self._asked[number]
        if epoch not in self.study._storage.get_trial(trial._trial_id).intermediate_values:
            trial.report(value, epoch)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Close a trial: finished is COMPLETE, pruned PRUNED, diverged PRUNED with NaN (ranked worst), lost FAIL."""
        trial = self._asked.pop(number)
        if outcome.status == Status.FAILED:
            trial.set_user_attr("reason", outcome.reason)
            self.study.tell(number, state=TrialState.FAIL)
        elif outcome.status == Status.FINISHED:
            self._report_last(trial, outcome.value, outcome.epoch)
            self.study.tell(number, [outcome.value, *outcome.tradeoffs])
        else:
            trial.set_user_attr("reason", str(outcome.status))
            self._report_last(trial, math.nan if outcome.status == Status.DIVERGED else outcome.value, outcome.epoch)
            self.study.tell(number, state=TrialState.PRUNED)

    def _report_last(self, trial: optuna.Trial, value: float, epoch: int) -> None:
        if len(self._goals) == 1:  # of several, Optuna keeps the last values alone
            trial.report(value, epoch)

    @property
    def gave_up(self) -> str | None:
        """Why the arm ends with fewer trials than asked, or None."""
        if EXHAUSTED in self.study.user_attrs:
            return "its space holds no further configuration"
        failures = self._failures()[self._failed_before :]
        if len(failures) > max(3, self._search.trials // 4):
            return f"{len(failures)} trials failed, the last with: {failures[-1].user_attrs.get('reason', 'no reason')}"
        return None

    def ask(self) -> Assignment | None:
        """The next new configuration, or None when enough are issued. A failed trial is replaced by another."""
        issued = len(self.trials(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING))
        if issued >= self._search.trials or self.gave_up:
            return None
        if not self._holds_more():
            self._note_exhaustion()
            return None
        for attempt in range(MAX_DUPLICATES_IN_A_ROW):
            trial, configuration = self._draw(at_random=attempt >= DUPLICATES_BEFORE_CHANCE)
            if configuration is not None and key_of(configuration) not in self._tried:
                return self._take(trial)
            self._discard(trial)
        self._note_exhaustion()
        return None

    def _draw(self, at_random: bool) -> tuple[optuna.Trial, Configuration | None]:
        """Draw once more, ``at_random`` where the sampler, which does not learn from what is discarded, stays put."""
        number = len(self.trials())
        random = optuna.samplers.RandomSampler(seed=number)
        self.study.sampler = random if at_random else make_sampler(self._search, number)
        trial = self.study.ask()
        return trial, self._drawn(trial)

    def running(self) -> list[Assignment]:
        """What an earlier driver left running, to be issued again with the same numbers."""
        for trial in map(self._reopened, self.trials(TrialState.RUNNING)):
            if self._drawn(trial) is None:
                self._discard(trial)
        return [self._take(self._reopened(trial)) for trial in self.trials(TrialState.RUNNING)]

    def _reopened(self, trial: FrozenTrial) -> optuna.Trial:
        """A running trial; what its driver had not drawn of it yet when it died is drawn as it would have been."""
        self.study.sampler = make_sampler(self._search, trial.number)
        return optuna.Trial(self.study, trial._trial_id)

    def ended(self) -> Iterator[tuple[Assignment, Outcome]]:
        """Every trial that the study holds as closed, with how it ended."""
        for trial in self.trials(*FINISHED, TrialState.FAIL):
            if "duplicate" not in trial.user_attrs:
                yield self.assignment(trial), recorded_outcome(trial)

    def left(self) -> int:
        """How many trials have still to end."""
        running = len(self.trials(TrialState.RUNNING))
        return running if self.gave_up else max(running, self._planned - len(self.trials(*FINISHED)))

    def _drawn(self, trial: optuna.Trial) -> Configuration | None:
        """The trial's configuration; None where its bounds, which follow from what is drawn, leave nothing between."""
        try:
            return self.space.suggest(trial)
        except InputError:
            return None

    def _discard(self, trial: optuna.Trial) -> None:
        """Close a trial that is not to be run; it counts as none."""
        trial.set_user_attr("duplicate", True)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def _holds_more(self) -> bool:
        """Whether there is a configuration that was not tried yet; of a grid, the next one is queued."""
        if self._search.method != GRID:
            return self.space.count() > len(self._tried)
        for configuration in self.space.grid(self._search.points):
            kept = self.space.to_optuna(configuration)
            # As it comes back from the study, which may differ in the last digit.
            if key_of(self.space.suggest(optuna.trial.FixedTrial(kept))) not in self._tried:
                self.study.enqueue_trial(kept)
                return True
        return False

    def _note_exhaustion(self) -> None:
        """Kept in the study, as a search that is over must stay over: the confirmation has begun."""
        if EXHAUSTED not in self.study.user_attrs:
            self.study.set_user_attr(EXHAUSTED, True)

    def _failures(self) -> list[FrozenTrial]:
        return [trial for trial in self.trials(TrialState.FAIL) if "duplicate" not in trial.user_attrs]

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
        return self._configuration(self.trials()[best[0]]) if best else None

    def assignment(self, trial: FrozenTrial) -> Assignment:
        """What a trial of this study ran, or is running."""
        return self._assign(trial.number, self._configuration(trial))

    def _configuration(self, trial: FrozenTrial) -> Configuration:
        """What a recorded trial ran; parameters that it had not yet drawn when its driver died are left out."""
        stored: dict[str, Scalar] = trial.params
        return (
            self.space.suggest(optuna.trial.FixedTrial(stored)) if trial.state != TrialState.RUNNING else dict(stored)
        )

    def _take(self, trial: optuna.Trial) -> Assignment:
        self._asked[trial.number] = trial
        configuration = self.space.suggest(trial)
        self._tried.add(key_of(configuration))
        return self._assign(trial.number, configuration)

    def _assign(self, number: int, configuration: Configuration) -> Assignment:
        values = hyperparameters(configuration)
        training = values.pop(TRAINING, {})
        return Assignment(
            self.arm, self.role, number, values, self._search.seed, training=training, contest=self.contest
        )


def arm_path(contest: Contest, arm: str) -> str:
    """``adam``, or ``digits/study-2/adam`` where a sweep has several workloads and studies."""
    return "/".join(filter(None, (contest.path, arm)))


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


def _was_tried(trial: FrozenTrial) -> bool:
    return trial.state != TrialState.WAITING and "duplicate" not in trial.user_attrs


def key_of(values: dict[str, Any]) -> str:
    """A text that is equal for equal values."""
    return json.dumps(values, sort_keys=True)
