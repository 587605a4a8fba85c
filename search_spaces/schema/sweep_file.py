"""The sweep file as it is written: one question, its arms and its budget, as validated models.

What follows from it is a :class:`search_spaces.Sweep`. The schema is the contract with users; JSON Schema for editors
comes from the same models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, PrivateAttr

from optimizers import InputError, Problem
from optimizers.errors import Meanings, Path
from search_spaces.schema import _usual_names
from search_spaces.schema.parameter import Parameter, Scalar
from search_spaces.schema.resources import Resources
from search_spaces.schema.strict_model import Model
from search_spaces.schema.validation import related
from search_spaces.schema.workload_keys import MOST_EVALUATIONS, Metric, NamedWorkload, Tradeoff, Workload
from search_spaces.schema.yaml_source import Document

# What torch's generators take.
MAX_SEED = 2**64 - 1
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
# Far above what anybody trains; what is made of these numbers, such as a study for each, stays small enough to be told.
MOST_TRIALS, MOST_STUDIES, MOST_SEEDS, MOST_ARMS, MOST_PARAMETERS = 100_000, 1_000, 10_000, 1_000, 200
MOST_RUNS = 1_000_000
# Keys of a search that are written out only where something stands there.
_SAID_WHERE_USED = ("arguments", "further_seeds", "grown_from_one")
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]


class Arm(Model):
    meanings: ClassVar[Meanings] = _usual_names.ARM

    optimizer: str = Field(description="an optimizer of `adamant list optimizers`")
    space: list[str] = Field(
        default_factory=list,
        description="named spaces of `adamant list spaces`, later ones winning; without any, and without parameters, "
        "the optimizer's default",
    )
    parameters: dict[str, Parameter] = Field(
        default_factory=dict,
        max_length=MOST_PARAMETERS,
        description="hyperparameters added to, or in place of, those of the named spaces",
    )
    start: list[dict[str, Scalar]] = Field(
        default_factory=list,
        max_length=MOST_TRIALS,
        description="configurations tried first, after the default one; what they leave out is at its default",
    )


class Search(Model):
    meanings: ClassVar[Meanings] = _usual_names.SEARCH

    method: str = Field(
        default="tpe",
        description="tpe, random, qmc, grid, cmaes, gp, nsgaii, another of `adamant list samplers`, the class name of "
        "a sampler of Optuna's, or module:Class of code under uses: a sampler, or a function that returns one; "
        "optunahub:PACKAGE:CLASS, with optunahub under uses, for one of OptunaHub's",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="keyword arguments of a sampler that method names by its class"
    )
    trials: int = Field(default=16, ge=1, le=MOST_TRIALS, description="configurations tried per arm")
    seed: Seed = Field(default=0, description="seed of the sampler and of every search trial")
    window: int | None = Field(
        default=None,
        ge=1,
        le=MOST_TRIALS,
        description="a trial is drawn from how the trials up to so many before it ended, whatever else is known: so a "
        "search is the same on any number of workers, and this many trials an arm may run at once; a greater "
        "window lets workers wait less, and tells the sampler less; by default 4, or an eighth of the trials",
    )
    points: int = Field(
        default=3, ge=2, le=MOST_TRIALS, description="grid: values tried of each range, its ends included"
    )
    studies: int = Field(
        default=1,
        ge=1,
        le=MOST_STUDIES,
        description="independent searches of each arm, each with so many trials and its own confirmation; the best of "
        "the search is then the median of theirs, and the intervals, over studies, hold what another search would have "
        "found",
    )
    further_seeds: list[Seed] = Field(
        default_factory=list,
        max_length=MOST_STUDIES,
        description="seed of the second study, and of each after it; by default those after seed that no confirmation "
        "has",
    )
    grown_from_one: bool = Field(
        default=False,
        description="written by --more-studies for a sweep that began with one study, whose runs keep their ids: these "
        "have no number of a study",
    )

    @property
    def usual_window(self) -> int:
        """The window where none is given."""
        return max(4, self.trials // 8)


class Scheduler(Model):
    meanings: ClassVar[Meanings] = _usual_names.SCHEDULER

    type: Literal["asha", "hyperband", "median", "pbt", "none"] = Field(
        default="none",
        description="asha stops the worst trials at rungs grace * eta^k; hyperband runs brackets of it whose first "
        "rungs differ; median stops what is worse than half of the finished trials were at the same evaluation; pbt "
        "trains search.trials members of a population, which discover schedules of the optimizer's coefficients",
    )
    grace: int = Field(
        default=1,
        ge=1,
        le=MOST_EVALUATIONS,
        description="epochs, or evaluations, before a trial may be stopped; pbt: from one exchange to the next",
    )
    eta: int = Field(
        default=3,
        ge=2,
        le=MOST_TRIALS,
        description="asha, hyperband: one trial in eta goes on past a rung; pbt: one member in eta is replaced",
    )


class Confirm(Model):
    meanings: ClassVar[Meanings] = _usual_names.CONFIRM

    top_k: int = Field(default=1, ge=1, le=MOST_TRIALS, description="best configurations per arm that are run again")
    seeds: list[Seed] = Field(
        default_factory=lambda: [1, 2, 3, 4, 5],
        min_length=1,
        max_length=MOST_SEEDS,
        description="fresh seeds, the same for every arm; with several studies those of the first",
    )
    further_seeds: list[list[Seed]] = Field(
        default_factory=list,
        max_length=MOST_STUDIES,
        description="as many seeds of the second study, and of each after it; by default those of the first, moved on "
        "to what no study before has",
    )

    def of_study(self, study: int) -> list[int]:
        """The seeds of a study, counted from 1, the same for all arms.

        Each study has its own, because what studies share, an interval over studies cannot see.
        """
        if study > 1 and self.further_seeds:
            return list(self.further_seeds[study - 2])
        apart = (study - 1) * (max(self.seeds) + 1)
        return [apart + seed for seed in self.seeds]


class SweepFile(Model):
    """A question about optimizers: what is compared, on what, with which budget."""

    model_config = ConfigDict(
        title="Sweep", json_schema_extra={"oneOf": [{"required": ["workload"]}, {"required": ["workloads"]}]}
    )
    meanings: ClassVar[Meanings] = _usual_names.SWEEP

    name: Name
    question: str = ""
    uses: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        description="code of your own that the sweep names as module:Class: Python files beside this one, or installed "
        "modules; `adamant run` executes it",
    )
    only_workload: Workload | None = Field(default=None, alias="workload", description="what is trained")
    workloads: dict[Name, NamedWorkload] = Field(
        default_factory=dict,
        max_length=MOST_ARMS,
        description="in place of workload: several, by names of your own; every arm is tuned and judged on each",
    )
    metric: Metric = Field(default_factory=Metric)
    tradeoffs: list[Tradeoff] = Field(
        default_factory=list,
        description="further metrics that the search weighs against the first; it ends in a Pareto front",
    )
    baseline: Name
    arms: dict[Name, Arm] = Field(min_length=1, max_length=MOST_ARMS)
    search: Search = Field(default_factory=Search)
    scheduler: Scheduler = Field(default_factory=Scheduler)
    confirm: Confirm = Field(default_factory=Confirm)
    resources: Resources = Field(default_factory=Resources)
    sizes: dict[Name, dict[str, Any]] = Field(
        default_factory=dict,
        description="by the name that --size chooses: dotted keys and the values that are put in place of those above",
    )

    _document: Document = PrivateAttr(default_factory=lambda: Document(None, "sweep"))
    _broken: frozenset[Path] = PrivateAttr(default_factory=frozenset)
    _workload: str = PrivateAttr(default="")

    @property
    def workload(self) -> Workload:
        """That of a sweep over one."""
        if self.only_workload is None:
            raise ValueError(f"{self.name} is over several workloads")
        return self.only_workload

    @property
    def by_workload(self) -> dict[str, Workload]:
        """Its workloads by name; a single one has none, and stands under ""."""
        return {"": self.only_workload} if self.only_workload else {**self.workloads}

    @property
    def objectives(self) -> tuple[Metric | Tradeoff, ...]:
        """All that the search looks at, the metric first."""
        return (self.metric, *self.tradeoffs)

    def on(self, workload: str) -> SweepFile:
        """This file with one of its workloads alone; problems are still told at its own keys."""
        chosen = self.by_workload[workload]
        metric = chosen.metric if isinstance(chosen, NamedWorkload) else None
        copy = self._with(only_workload=chosen, workloads={}, metric=metric or self.metric)
        copy._workload = workload
        return copy

    def intact(self, *path: str | int) -> bool:
        """Whether nothing at ``path`` or below it was left out because it is wrong."""
        return not any(related(self._in_file(path), broken) for broken in self._broken)

    @property
    def names_of_arms(self) -> list[str]:
        """All arms, those too that were left out because they are wrong; none where arms itself is wrong."""
        if ("arms",) in self._broken:
            return []
        broken = (str(path[1]) for path in self._broken if path[0] == "arms")
        return list(dict.fromkeys([*self.arms, *broken]))

    def error(self, *path_and_message: str | int) -> InputError:
        """An InputError about a key of this sweep's file: ``sweep.error("workload", "name", "no such workload")``."""
        return InputError(self.problem(*path_and_message))

    def problem(self, *path_and_message: str | int) -> Problem:
        """What is wrong at a key of this sweep's file, as :meth:`error`."""
        *path, message = path_and_message
        return self._document.problem(self._in_file(tuple(path)), str(message))

    def _in_file(self, path: Path) -> Path:
        """The key in the file that a key of one of its workloads stands for."""
        own = ("workloads", self._workload)
        if self._workload and path[:1] == ("workload",):
            return (*own, *path[1:])
        return (*own, *path) if path[:1] == ("metric",) and (*own, "metric") in self._document.places else path

    def plain(self) -> dict[str, Any]:
        """The sweep as plain data that :func:`search_spaces.parse_sweep` reads back to the same values."""
        unused = {name for name in ("uses", "workloads", "tradeoffs") if not getattr(self, name)}
        excluded: dict[str, Any] = dict.fromkeys(["sizes", *unused], True)
        excluded["search"] = {name for name in _SAID_WHERE_USED if not getattr(self.search, name)}
        if not self.confirm.further_seeds:
            excluded["confirm"] = {"further_seeds"}
        return self.model_dump(mode="json", by_alias=True, exclude=excluded, exclude_none=True)

    def with_window(self, window: int) -> SweepFile:
        """This sweep with another window of its search."""
        return self._with(search=self.search.model_copy(update={"window": window}))

    def with_search(self, search: Search, confirm: Confirm | None = None) -> SweepFile:
        """This sweep with another search, and with another confirmation where one is given."""
        return self._with(search=search, confirm=confirm or self.confirm)

    def with_starts(self, starts: dict[str, list[dict[str, Scalar]]]) -> SweepFile:
        """This sweep with further configurations that its arms try first."""
        arms = {
            name: arm.model_copy(update={"start": [*arm.start, *starts.get(name, [])]})
            for name, arm in self.arms.items()
        }
        return self._with(arms=arms)

    def with_uses(self, uses: Sequence[str]) -> SweepFile:
        """This sweep with its code under other names: those that it has beside a copy of the file."""
        return self._with(uses=list(uses))

    def with_workloads(self, workloads: dict[str, Workload]) -> SweepFile:
        """This sweep with others in place of its workloads, by the names of :attr:`by_workload`."""
        if self.only_workload is not None:
            return self._with(only_workload=workloads[""])
        return self._with(workloads=workloads)

    def with_metrics(self, metric: Metric, tradeoffs: list[Tradeoff]) -> SweepFile:
        """This sweep with others in place of its metric and its tradeoffs."""
        return self._with(metric=metric, tradeoffs=tradeoffs)

    def _with(self, **changed: Any) -> SweepFile:
        """A copy that still knows where its keys stand."""
        copy = self.model_copy(update=changed)
        copy._document, copy._broken, copy._workload = self._document, self._broken, self._workload
        return copy
