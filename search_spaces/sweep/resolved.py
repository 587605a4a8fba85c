"""A sweep with everything that follows from its file worked out: what drivers, plans, simulations and reports take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from optimizers import InputError
from optimizers.user_code import CodeBundle
from search_spaces.schema import workload_keys
from search_spaces.schema.parameter import Scalar
from search_spaces.schema.resources import Resources
from search_spaces.schema.sweep_file import Confirm, Scheduler, Search, SweepFile
from search_spaces.schema.words import plural
from search_spaces.schema.workload_keys import Goal, NamedWorkload
from search_spaces.space.space import ArmSpace, arm_space
from search_spaces.sweep.seeds import search_seeds

NO_CODE = CodeBundle()
FEWEST_PAIRS = 3
"""How many paired scores it takes to compare an arm with the baseline."""


@dataclass(frozen=True)
class Objective:
    """A metric that the search looks at.

    Attributes:
        target: The value whose first crossing is timed.
        smallest_difference: The smallest difference between scores that matters, as a verdict tells differences: in
            percentage points for an accuracy, otherwise in the unit of the score.
    """

    name: str
    goal: Goal
    target: float | None = None
    smallest_difference: float | None = None


@dataclass(frozen=True)
class Workload:
    """What is trained, with which budget.

    Attributes:
        evaluations: How often a full trial is evaluated; without an ``interval`` these are its epochs.
        interval: Optimizer steps from one evaluation to the next; None stands for an epoch.
        metric: What the search looks at on this workload in place of the sweep's metric.
    """

    name: str
    evaluations: int
    interval: int | None
    batch_size: int
    training: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    metric: Objective | None = None

    @property
    def epochs(self) -> int | None:
        """Of a full trial; None for a budget in steps."""
        return self.evaluations if self.interval is None else None

    @property
    def steps(self) -> int | None:
        """Optimizer steps of a full trial; None for a budget in epochs."""
        return None if self.interval is None else self.evaluations * self.interval

    @property
    def budget(self) -> str:
        """In words, such as "20 epochs" or "5,000 steps, evaluated every 250"."""
        if self.interval is not None:
            return f"{self.steps:,} steps, evaluated every {self.interval:,}"
        return plural(self.evaluations, "epoch")


@dataclass(frozen=True)
class Arm:
    """One side of the comparison: an optimizer, the space that is searched, and configurations to try first."""

    optimizer: str
    space: ArmSpace
    start: tuple[Mapping[str, Scalar], ...] = ()


@dataclass(frozen=True)
class Contest:
    """All arms on one workload, each tuned by one study.

    What a sweep has only one of is not named, nor is the first study of a sweep that began with one and then got more.
    """

    workload: str = ""
    study: int | None = None

    @property
    def path(self) -> str:
        """What stands before an arm's name in trial ids and names of studies: "", ``digits`` or ``digits/study-2``."""
        return "/".join(filter(None, (self.workload, f"study-{self.study}" if self.study else "")))


@dataclass(frozen=True)
class Sweep:
    """A question about optimizers: what is compared, on what, with which budget.

    Attributes:
        file: What was written, with its workloads' own budgets and goals filled in.
        code: What the file uses of a user's own.
        by_workload: The workloads by name; a single one has none, and stands under "".
        contest: Which of the :attr:`contests` of a sweep this is.
    """

    file: SweepFile
    name: str
    question: str
    by_workload: Mapping[str, Workload]
    metric: Objective
    tradeoffs: tuple[Objective, ...]
    baseline: str
    arms: Mapping[str, Arm]
    search: Search
    scheduler: Scheduler
    confirm: Confirm
    resources: Resources
    contest: Contest = field(default_factory=Contest)
    code: CodeBundle = field(default_factory=CodeBundle)

    @classmethod
    def of(cls, file: SweepFile, code: CodeBundle = NO_CODE) -> Sweep:
        """Resolve a file in which everything that its workloads know has been filled in.

        Raises InputError where a budget or a goal is still open, and for a space that cannot be merged.
        """
        return cls(
            file=file.with_uses(code.uses) if code.digest else file,
            code=code,
            name=file.name,
            question=file.question,
            by_workload={name: _workload(file.on(name)) for name in file.by_workload},
            metric=_objective(file, file.metric),
            tradeoffs=tuple(_objective(file, tradeoff) for tradeoff in file.tradeoffs),
            baseline=file.baseline,
            arms={name: Arm(arm.optimizer, arm_space(arm), tuple(arm.start)) for name, arm in file.arms.items()},
            search=file.search,
            scheduler=file.scheduler,
            confirm=file.confirm,
            resources=file.resources,
        )

    @property
    def workload(self) -> Workload:
        """That of a sweep over one, as each of its :attr:`contests` is."""
        if len(self.by_workload) > 1:
            raise ValueError(f"{self.name} is over several workloads")
        return next(iter(self.by_workload.values()))

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All that the search looks at, the metric first."""
        return (self.metric, *self.tradeoffs)

    @cached_property
    def contests(self) -> Mapping[Contest, Sweep]:
        """This sweep as sweeps over one workload with one study an arm."""
        seeds = search_seeds(self.search, self.confirm)
        unnumbered = len(seeds) == 1 or self.search.grown_from_one
        return {
            contest: self._as_contest(contest, seed)
            for name in self.by_workload
            for study, seed in enumerate(seeds, start=1)
            for contest in [Contest(name, None if study == 1 and unnumbered else study)]
        }

    def on(self, workload: str) -> Sweep:
        """This sweep on one of its workloads alone, still with all of its studies."""
        alone = self.by_workload[workload]
        return replace(self, by_workload={"": alone}, metric=alone.metric or self.metric, contest=Contest(workload))

    def _as_contest(self, contest: Contest, seed: int) -> Sweep:
        seeds = self.confirm.of_study(contest.study or 1)
        return replace(
            self.on(contest.workload),
            search=self.search.model_copy(
                update={"seed": seed, "studies": 1, "further_seeds": [], "grown_from_one": False}
            ),
            confirm=self.confirm.model_copy(update={"seeds": seeds, "further_seeds": []}),
            contest=contest,
        )

    @property
    def pairs(self) -> int:
        """How many paired scores an arm is compared by: one a study, or one a seed of a single study."""
        return self.search.studies if self.search.studies > 1 else len(self.confirm.seeds)

    @property
    def warning(self) -> str:
        """What its verdict will lack, in a sentence; empty where nothing."""
        if len(self.arms) == 1 or self.pairs >= FEWEST_PAIRS:
            return ""
        key, thing = ("search.studies", "study") if self.search.studies > 1 else ("confirm.seeds", "seed")
        return f"{plural(self.pairs, thing)} ({key}) give no verdict; at least {FEWEST_PAIRS} do"

    @property
    def extent(self) -> str:
        """In words, such as "2 arms, 16 trials an arm"."""
        trials = plural(self.search.trials, "trial")
        if self.search.studies > 1:
            trials = f"{plural(self.search.studies, 'study')} of {trials}"
        return f"{plural(len(self.arms), 'arm')}, {trials} an arm"


def _workload(file: SweepFile) -> Workload:
    """Of a file over one workload."""
    written = file.workload
    if written.evaluations is None or written.batch_size is None:
        raise file.error("workload", "name", f'no workload is called "{written.name}", and its budget is not given')
    own = written.metric if isinstance(written, NamedWorkload) else None
    return Workload(
        name=written.name,
        evaluations=written.evaluations,
        interval=written.interval if written.steps else None,
        batch_size=written.batch_size,
        training=written.training,
        options=written.options,
        metric=own and _objective(file, own),
    )


def _objective(file: SweepFile, written: workload_keys.Objective) -> Objective:
    goal = written.goal
    if goal is None:
        raise InputError(f"{file.name}: which way {written.name} is better is not known; give its goal")
    if not isinstance(written, workload_keys.Metric):
        return Objective(written.name, goal)
    return Objective(written.name, goal, written.target, written.smallest_difference)
