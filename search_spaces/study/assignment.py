"""What a study asks for, a run, and how that ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.space.space import TRAINING, hyperparameters
from search_spaces.sweep.resolved import Contest, Sweep
from trainables.mlflow_contract import Role, Status


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

    ``tradeoffs`` are the further objectives of a finished trial, in the sweep's order; ``tested`` the metrics of the
    test split, of a confirmation alone.
    """

    status: Status
    epoch: int
    value: float
    reason: str = ""
    tradeoffs: tuple[float, ...] = ()
    tested: Mapping[str, float] = field(default_factory=dict)


def arm_path(contest: Contest, arm: str) -> str:
    """``adam``, or ``digits/study-2/adam`` where a sweep has several workloads and studies."""
    return "/".join(filter(None, (contest.path, arm)))


def default_assignment(sweep: Sweep, arm: str) -> Assignment:
    """Return a trial of an arm of a sweep over one workload, at its default configuration."""
    values = hyperparameters(sweep.arms[arm].space.default())
    training = values.pop(TRAINING, {})
    return Assignment(arm, Role.TRIAL, 0, values, sweep.search.seed, training=training, contest=sweep.contest)
