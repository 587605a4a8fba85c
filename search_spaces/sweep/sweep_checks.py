"""What a schema cannot say: names that must exist, and spaces that must stay inside what an optimizer allows.

Each check yields everything that it finds. Of a sweep with parts left out, because they are wrong in themselves (see
:meth:`SweepFile.intact`), each looks only at what is left.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from optimizers import Problem, did_you_mean
from search_spaces.schema.methods import BRUTE_FORCE, GRID, method_problems
from search_spaces.schema.sweep_file import MOST_RUNS, SweepFile
from search_spaces.schema.workload_keys import Workload
from search_spaces.space.space import arm_space
from search_spaces.stores.default_names import DATA, DATABASE, JOURNAL
from search_spaces.sweep.arm_checks import arm_problems, place_of
from search_spaces.sweep.seeds import seed_problems
from trainables.mlflow_contract import ARTIFACTS_FOLDER

# Of a whole number with more choices, a list of them would take longer than the search.
MAX_CHOICES = 100_000
RESERVED_NAMES = (DATABASE, ARTIFACTS_FOLDER, JOURNAL, DATA)
# Beside these, databases and journals keep files whose names begin with theirs.
_HAVE_COMPANIONS = (DATABASE, JOURNAL)


def reserved_name(sweep: SweepFile) -> Iterator[Problem]:
    """Where the name of a new sweep is taken by something else that lies in a storage folder."""
    if sweep.intact("name") and (sweep.name in RESERVED_NAMES or sweep.name.startswith(_HAVE_COMPANIONS)):
        yield sweep.problem("name", f'"{sweep.name}" is kept for Adamant\'s own files; choose another name')


def problems_of_sweep(sweep: SweepFile) -> Iterator[Problem]:
    """Everything in ``sweep`` that cannot work, as far as it can be known without its workloads."""
    yield from _names(sweep)
    too_many = list(_too_many_runs(sweep))
    yield from too_many or seed_problems(sweep)
    if sweep.intact("search", "method") and sweep.intact("search", "arguments"):
        for place, wrong in method_problems(sweep.search, len(sweep.objectives)):
            yield sweep.problem("search", *place, wrong)
    if sweep.tradeoffs:
        yield from _tradeoffs(sweep)
    for name, workload in sweep.by_workload.items():
        if sweep.on(name).intact("workload"):
            yield from grace_problems(sweep, workload)
    unsound = {name: list(arm_problems(sweep, name)) for name in sweep.arms}
    yield from itertools.chain.from_iterable(unsound.values())
    sound = [name for name in sweep.arms if not unsound[name] and sweep.intact("arms", name)]
    if sweep.intact("search"):
        yield from _of_method(sweep, sound)
    if sweep.scheduler.type == "pbt" and len(sound) == len(sweep.arms) and sweep.intact("arms"):
        yield from _population(sweep)


def _names(sweep: SweepFile) -> Iterator[Problem]:
    whole = sweep.intact("workload") and sweep.intact("workloads")
    if whole and (sweep.only_workload is None) == (not sweep.workloads):
        yield sweep.problem("workload", "a sweep has a workload, or several under workloads")
    arms = sweep.names_of_arms
    if arms and sweep.intact("baseline") and sweep.baseline not in arms:
        known = f"the arms are {', '.join(arms)}"
        hint = did_you_mean(sweep.baseline, arms)
        yield sweep.problem("baseline", f'no arm is called "{sweep.baseline}"; {known}.{hint}')


def _too_many_runs(sweep: SweepFile) -> Iterator[Problem]:
    """Where the product of numbers, each of which is good by itself, is more than anybody trains."""
    if not (sweep.intact("search") and sweep.intact("confirm")):
        return
    search, confirm = sweep.search, sweep.confirm
    a_study = search.trials + confirm.top_k * len(confirm.seeds)
    runs = len(sweep.arms) * max(1, len(sweep.by_workload)) * search.studies * a_study
    if runs > MOST_RUNS:
        yield sweep.problem(
            "search", "trials",
            f"the sweep would train {runs:,} times, on all workloads, in all studies and confirmations of all arms; "
            f"at most {MOST_RUNS:,} are possible",
        )  # fmt: skip


def grace_problems(sweep: SweepFile, workload: Workload) -> Iterator[Problem]:
    """Where a trial on the workload ends before it may be stopped."""
    evaluations, grace = workload.evaluations, sweep.scheduler.grace
    stops = sweep.intact("scheduler") and sweep.scheduler.type != "none"
    if stops and evaluations is not None and grace > evaluations:
        yield sweep.problem("scheduler", "grace", f"a grace of {grace} is more than a trial has: {workload.budget}")


def _tradeoffs(sweep: SweepFile) -> Iterator[Problem]:
    if sweep.scheduler.type != "none":
        yield sweep.problem(
            "scheduler",
            "type",
            f"{sweep.scheduler.type} decides by one metric; with tradeoffs every trial runs to its end (type: none)",
        )
    names = [sweep.metric.name, *(tradeoff.name for tradeoff in sweep.tradeoffs)]
    for number, name in enumerate(names[1:]):
        if name in names[: number + 1] and sweep.intact("metric"):
            yield sweep.problem("tradeoffs", number, "name", f"{name} is looked at already")


def _of_method(sweep: SweepFile, arms: list[str]) -> Iterator[Problem]:
    """What a method that tries a finite number of configurations cannot do."""
    if sweep.search.method == GRID:
        yield from _grids(sweep, arms)
    elif sweep.search.method == BRUTE_FORCE:
        for name in arms:
            endless = arm_space(sweep.arms[name]).endless(MAX_CHOICES)
            if endless:
                yield sweep.problem(
                    *place_of(sweep, name, *endless),
                    f"{BRUTE_FORCE} tries everything there is, and {', '.join(endless)} of this arm can be anything in "
                    "a range; give values, or search by grid, which tries search.points values of each range",
                )  # fmt: skip


def _grids(sweep: SweepFile, arms: list[str]) -> Iterator[Problem]:
    """A part of a grid would be a corner of the space, and say nothing of the rest."""
    for name in arms:
        arm = sweep.arms[name]
        if arm.start:
            yield sweep.problem("arms", name, "start", "a grid tries its own configurations alone; leave start out")
        trials, points = sweep.search.trials, sweep.search.points
        size = sum(1 for _ in itertools.islice(arm_space(arm).grid(points), trials + 1))
        if size > trials:
            yield sweep.problem(
                "search", "trials",
                f"the grid of {name} has more than {trials} configurations; give as many trials as it has, fewer "
                f"search.points than {points}, or values in place of ranges",
            )  # fmt: skip


def _population(sweep: SweepFile) -> Iterator[Problem]:
    if not any(arm_space(arm).scheduled_coefficients() for arm in sweep.arms.values()):
        yield sweep.problem(
            "scheduler",
            "type",
            "pbt discovers schedules, and no arm has a coefficient with a range and without a schedule that its "
            "optimizer can change in time; give one moment_adam and, for example, the space adam",
        )
