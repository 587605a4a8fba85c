"""Population-based training that discovers schedules: generations of short runs, each going on from one before it.

Jaderberg et al., arXiv 1711.09846, in the form that suits a study which is the durable truth: every run of a member
between two exchanges is a trial of its own, with the number of its parent. A run's settings are the schedule of its
whole line so far, so the best of the last generation *is* a schedule, which anybody can train from its start.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces.schema.bounds import Values
from search_spaces.schema.parameter import Parameter, Scalar
from search_spaces.space import draws
from search_spaces.space.space import Configuration
from search_spaces.study.assignment import Assignment
from search_spaces.study.recorded_search import DISCARDED, RecordedSearch
from search_spaces.sweep.resolved import Sweep
from trainables.mlflow_contract import Role

# How far a setting moves at an exchange, as a share of its range along the scale that it is drawn from.
STEP = 0.1
DIED_OUT = "died_out"


def is_population(sweep: Sweep, arm: str) -> bool:
    """Whether the arm's search is a population; under pbt an arm without anything to schedule is searched as usual."""
    return sweep.scheduler.type == "pbt" and bool(sweep.arms[arm].space.scheduled_coefficients())


def generations(sweep: Sweep) -> int:
    """How many generations a population has: exchanges come every ``scheduler.grace`` evaluations."""
    return math.ceil((sweep.workload.evaluations) / sweep.scheduler.grace)


def planned_trials(sweep: Sweep, arm: str) -> int:
    """How many trials the arm's search has."""
    return sweep.search.trials * (generations(sweep) if is_population(sweep, arm) else 1)


class PopulationStudy(RecordedSearch):
    """The search of one arm by ``search.trials`` members, in generations; none begins before the last has ended.

    At an exchange the worst ``1 / scheduler.eta`` of the members go on from one of the best in place of their own
    state, with its settings moved a little; the others go on as they are.
    """

    def __init__(self, storage: BaseStorage, sweep: Sweep, arm: str) -> None:
        self._sweep, self._members = sweep, sweep.search.trials
        super().__init__(storage, sweep, arm)
        self._planned = planned_trials(sweep, arm)
        self._coefficients = self.space.scheduled_coefficients()
        for trial in self.trials(TrialState.WAITING):  # queued by a version before, and planned anew
            self.study._storage.set_trial_user_attr(trial._trial_id, DISCARDED, True)
            self.study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        for trial in self.trials():
            self._enter(trial)

    def decisions(self, number: int) -> list[int]:
        return [self._until(self._of(number)["generation"])]

    def ask(self) -> Assignment | None:
        if self.gave_up:
            return None
        generation, member = self._next_place()
        if generation == generations(self._sweep) or (generation and self._running_in(generation - 1)):
            return None
        if generation and not self._survivors(generation - 1):
            self.study.set_user_attr(DIED_OUT, True)
            return None
        parent, configuration = self._settings(generation, member)
        attributes = {"generation": generation, "member": member, "parent": parent}
        trial = self._record(self._made(configuration, attributes))
        self._enter(trial)
        return self.assignment(trial)

    def _made(self, configuration: Configuration, attributes: Mapping[str, Any]) -> FrozenTrial:
        """A trial of a configuration, as it is recorded."""
        alone = optuna.create_study(sampler=optuna.samplers.RandomSampler())
        alone.enqueue_trial(self.space.to_optuna(configuration), user_attrs=dict(attributes))
        self.space.suggest(alone.ask())
        return alone.trials[0]

    @property
    def gave_up(self) -> str | None:
        if DIED_OUT in self.study.user_attrs:
            return "every member of a generation diverged"
        return super().gave_up

    def best(self, count: int) -> list[int]:
        last = generations(self._sweep) - 1
        return [number for number in super().best(10**9) if self._of(number)["generation"] == last][:count]

    def obsolete(self, assignment: Assignment) -> list[str]:
        """Trials whose state nobody goes on from any more, now that this one runs; of a confirmation, all."""
        kept = self._of(assignment.number)["generation"] - 1 if assignment.role == Role.TRIAL else math.inf
        return [f"{self.path}/{trial.number}" for trial in self.trials() if trial.user_attrs["generation"] < kept]

    def _of(self, number: int) -> Mapping[str, Any]:
        return self.trials()[number].user_attrs

    def _next_place(self) -> tuple[int, int]:
        """The first generation that lacks a member, and that member."""
        there = {(one.user_attrs["generation"], one.user_attrs["member"]) for one in self.trials() if _stands(one)}
        generation = 0
        while len([place for place in there if place[0] == generation]) == self._members:
            generation += 1
        return generation, next(member for member in range(self._members) if (generation, member) not in there)

    def _running_in(self, generation: int) -> bool:
        running = self.trials(TrialState.RUNNING)
        return any(trial.user_attrs["generation"] == generation for trial in running)

    def _settings(self, generation: int, member: int) -> tuple[int | None, Configuration]:
        """Whom a member goes on from, and how; the same each time it is asked."""
        chance = random.Random(f"{self._search.seed} {self.arm} {generation} {member}")
        if generation == 0:
            given = [{}, *self._sweep.arms[self.arm].start]
            if member < len(given):
                return None, self.space.default(given[member])
            return None, self.space.suggest(_drawn(chance))
        # What diverged has no state to go on from.
        alive = self._survivors(generation - 1)
        exchanged = max(1, self._members // self._sweep.scheduler.eta)
        kept = alive[: max(1, self._members - exchanged)]
        own = [one for one in kept if one.user_attrs["member"] == member]
        if own:
            return own[0].number, self.configuration(own[0])
        parent = chance.choice(alive[:exchanged])
        return parent.number, self._moved(self.configuration(parent), chance)

    def _survivors(self, generation: int) -> list[FrozenTrial]:
        """What came to the end of a generation, the best first."""
        ended = self.trials(TrialState.COMPLETE)
        return self._ranked(one for one in ended if one.user_attrs["generation"] == generation)

    def _moved(self, configuration: Configuration, chance: random.Random) -> Configuration:
        moves = {name: chance.choice((-STEP, STEP)) for name in self._coefficients}

        def choose(name: str, parameter: Parameter, values: Values) -> Scalar:
            # What a moved coefficient has just made active has no value yet.
            value = configuration.get(name, draws.middles(name, parameter, values)[0])
            return draws.moved(name, parameter, value, moves[name], values) if name in moves else value

        return self.space.assemble(choose)

    def assignment(self, trial: FrozenTrial) -> Assignment:
        line = self._line(trial.number)
        assigned = super().assignment(self.trials()[line[0]])
        schedules = {f"{name}_schedule": self._schedule(name, line) for name in self._coefficients}
        settings = {**assigned.hyperparameters, **{name: one for name, one in schedules.items() if one}}
        generation = len(line) - 1
        return Assignment(
            self.arm,
            self.role,
            trial.number,
            settings,
            assigned.seed,
            training=assigned.training,
            parent=None if generation == 0 else f"{self.path}/{line[-2]}",
            since=self._until(generation - 1),
            until=self._until(generation),
            contest=self.contest,
        )

    def _line(self, number: int) -> list[int]:
        """The trial's ancestors from the first generation on, itself the last."""
        line = [number]
        while (parent := self._of(line[0])["parent"]) is not None:
            line.insert(0, parent)
        return line

    def _until(self, generation: int) -> int:
        """Evaluations after which a generation ends; 0 for the one before the first."""
        return min((generation + 1) * self._sweep.scheduler.grace, self._sweep.workload.evaluations)

    def _schedule(self, name: str, line: list[int]) -> dict[str, Any] | None:
        """A coefficient's values along a line, from where they change; None where they never do."""
        configurations = [self.configuration(self.trials()[number]) for number in line]
        if any(name not in configuration for configuration in configurations):
            return None
        values = [float(configuration[name]) for configuration in configurations]
        steps = self._sweep.workload.interval or 1
        changes = [
            (self._until(generation - 1) * steps + 1, value)
            for generation, value in enumerate(values)
            if generation and value != values[generation - 1]
        ]
        if not changes:
            return None
        milestones, later = zip(*changes, strict=True)
        unit = "epoch" if self._sweep.workload.interval is None else "step"
        return {"kind": "piecewise", "unit": unit, "milestones": list(milestones), "values": list(later)}

    def configuration(self, trial: FrozenTrial) -> Configuration:
        stored = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        return self.space.suggest(optuna.trial.FixedTrial(stored))


def _stands(trial: FrozenTrial) -> bool:
    """Whether it takes its place in its generation: a failed one is replaced."""
    return trial.state != TrialState.FAIL


def _drawn(chance: random.Random) -> optuna.Trial:
    """A trial of a study of its own, from which a configuration can be drawn at random."""
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=chance.randrange(2**31))).ask()
