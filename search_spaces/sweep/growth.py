"""Sweeps that get more trials, studies or seeds, without a change to what they have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from optimizers import InputError, raise_any
from search_spaces.schema.sweep_file import Confirm, Search, SweepFile
from search_spaces.sweep.resolved import Sweep
from search_spaces.sweep.seeds import confirm_seeds, fresh_seeds, search_seeds, seed_problems


@dataclass(frozen=True)
class Growth:
    """What a sweep gets: trials of each search, searches (studies) of each arm, and seeds of each confirmation."""

    trials: int = 0
    studies: int = 0
    seeds: int = 0

    def __bool__(self) -> bool:
        return bool(self.trials or self.studies or self.seeds)


def grown(sweep: Sweep, growth: Growth) -> Sweep:
    """Return a sweep with more of what it has.

    Its studies keep their seeds, and so everything that they found; to each list of seeds fresh ones are added. The
    seeds that follow from the file stay unwritten where they are those of a file that asks for as many studies from
    the start; otherwise the sweep has them as ``further_seeds``.

    Raises InputError where seeds would be too great, or ids of runs could be confused.
    """
    file = sweep.file
    search = file.search.model_copy(update={"trials": file.search.trials + growth.trials})
    file = file.with_search(search)
    if growth.studies:
        file = _with_more_studies(file, growth.studies)
    if growth.seeds:
        file = _with_more_seeds(file, growth.seeds)
    raise_any(seed_problems(file))
    return Sweep.of(file, sweep.code)


def grown_as(file: SweepFile, other: SweepFile) -> SweepFile:
    """Return a sweep's file with the studies and the seeds of ``other``, where that has the file's own and more."""
    ours, theirs = ([*search_seeds(one.search, one.confirm)] for one in (file, other))
    of_ours, of_theirs = (confirm_seeds(one.search, one.confirm) for one in (file, other))
    kept = len(ours) <= len(theirs) and all(
        seeds == more[: len(seeds)] for seeds, more in zip([ours, *of_ours], [theirs, *of_theirs], strict=False)
    )
    if not kept:
        return file
    asked = {name: getattr(other.search, name) for name in ("studies", "seed", "further_seeds", "grown_from_one")}
    seeds = {name: getattr(other.confirm, name) for name in ("seeds", "further_seeds")}
    return file.with_search(file.search.model_copy(update=asked), file.confirm.model_copy(update=seeds))


def _with_more_studies(file: SweepFile, more: int) -> SweepFile:
    one = file.search.studies == 1
    if one:
        _refuse_names_of_studies(file)
    studies = file.search.studies + more
    update = {"studies": studies, "grown_from_one": one or file.search.grown_from_one}
    plain = file.with_search(file.search.model_copy(update=update))
    if _follow_from(plain, file):
        return plain
    fresh, count = fresh_seeds(file), len(file.confirm.seeds)
    searched = [*search_seeds(file.search, file.confirm), *islice(fresh, more)]
    confirmed = confirm_seeds(file.search, file.confirm)
    confirmed += [list(islice(fresh, count)) for _ in range(more)]
    return _with_seeds(plain, searched, confirmed)


def _follow_from(plain: SweepFile, file: SweepFile) -> bool:
    """Whether the seeds that follow for more studies leave those of the file as they are."""
    if file.search.further_seeds or file.confirm.further_seeds or any(seed_problems(plain)):
        return False
    before = search_seeds(file.search, file.confirm)
    return search_seeds(plain.search, plain.confirm)[: len(before)] == before


def _with_more_seeds(file: SweepFile, more: int) -> SweepFile:
    fresh = fresh_seeds(file)
    confirmed = [[*seeds, *islice(fresh, more)] for seeds in confirm_seeds(file.search, file.confirm)]
    return _with_seeds(file, search_seeds(file.search, file.confirm), confirmed)


def _with_seeds(file: SweepFile, searched: list[int], confirmed: list[list[int]]) -> SweepFile:
    search: Search = file.search.model_copy(update={"seed": searched[0], "further_seeds": searched[1:]})
    confirm: Confirm = file.confirm.model_copy(update={"seeds": confirmed[0], "further_seeds": confirmed[1:]})
    return file.with_search(search, confirm)


def _refuse_names_of_studies(file: SweepFile) -> None:
    """Raise InputError where an arm has the name of a study, below which ids of runs would be those of another's."""
    named = [name for name in file.arms if re.fullmatch(r"study-\d+", name)]
    if named:
        raise InputError(
            f"{file.name}: the arm {named[0]} has the name that a further study has in the ids of its runs; "
            "start another sweep, for example with --set name=... --set search.studies=..."
        )
