"""The seeds of a sweep's studies: those that follow from its file, those that it may get, and what is wrong with them.

No two studies share a seed, because an interval over studies cannot see what they share, and none searches with a seed
of the confirmation.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from optimizers import Problem
from search_spaces.schema.sweep_file import MAX_SEED, Confirm, Search, SweepFile
from search_spaces.schema.words import plural


def search_seeds(search: Search, confirm: Confirm) -> list[int]:
    """Return one for each study: the file's own, or that of the search and those after it that no confirmation has."""
    if search.further_seeds:
        return [search.seed, *search.further_seeds]
    taken = set(itertools.chain.from_iterable(confirm_seeds(search, confirm)))
    fresh = (seed for seed in itertools.count(search.seed) if seed not in taken)
    return list(itertools.islice(fresh, search.studies))


def confirm_seeds(search: Search, confirm: Confirm) -> list[list[int]]:
    """Return those of each study's confirmation."""
    return [confirm.of_study(study) for study in range(1, search.studies + 1)]


def fresh_seeds(file: SweepFile) -> Iterator[int]:
    """Yield the seeds that no study of a sweep has, the smallest first."""
    taken = {*search_seeds(file.search, file.confirm)}.union(*confirm_seeds(file.search, file.confirm))
    return (seed for seed in itertools.count() if seed not in taken)


def seed_problems(sweep: SweepFile) -> Iterator[Problem]:
    """Yield what is wrong with the seeds of a sweep, as far as its keys are sound."""
    if not sweep.intact("confirm", "seeds"):
        return
    of_first = list(_of_first_study(sweep))
    yield from of_first
    keys = (("search", "seed"), ("search", "studies"), ("search", "further_seeds"), ("confirm", "further_seeds"))
    if not all(sweep.intact(*key) for key in keys):
        return
    counts = list(_wrong_counts(sweep))
    yield from counts
    if not counts:
        yield from _too_great(sweep)
        if not of_first and (sweep.search.further_seeds or sweep.confirm.further_seeds):
            yield from _shared(sweep)


def _of_first_study(sweep: SweepFile) -> Iterator[Problem]:
    seeds = sweep.confirm.seeds
    if len(set(seeds)) < len(seeds):
        yield sweep.problem("confirm", "seeds", "each seed may stand only once")
    if sweep.intact("search", "seed") and sweep.search.seed in seeds:
        yield sweep.problem(
            "confirm", "seeds", f"{sweep.search.seed} is the seed of the search; confirmation needs fresh seeds"
        )


def _wrong_counts(sweep: SweepFile) -> Iterator[Problem]:
    """Where seeds of further studies are given, there must be some for each of them, and as many."""
    search, confirm = sweep.search, sweep.confirm
    for section, given in (("search", search.further_seeds), ("confirm", confirm.further_seeds)):
        if given and len(given) != search.studies - 1:
            yield sweep.problem(
                section, "further_seeds",
                f"must have seeds for each study after the first, {search.studies - 1}, and has them for {len(given)}",
            )  # fmt: skip
    for place, seeds in enumerate(confirm.further_seeds):
        if len(seeds) != len(confirm.seeds):
            yield sweep.problem(
                "confirm", "further_seeds", place,
                f"must be {plural(len(confirm.seeds), 'seed')}, as many as confirm.seeds, not {len(seeds)}",
            )  # fmt: skip


def _too_great(sweep: SweepFile) -> Iterator[Problem]:
    studies = sweep.search.studies
    if max(sweep.confirm.of_study(studies)) > MAX_SEED:
        yield sweep.problem(
            "confirm", "seeds",
            f"the seeds of {studies} studies follow from these, and would be greater than {MAX_SEED}; "
            "give smaller ones",
        )  # fmt: skip
    elif search_seeds(sweep.search, sweep.confirm)[-1] > MAX_SEED:
        yield sweep.problem(
            "search", "seed",
            f"the seeds of {studies} studies follow from this one, and would be greater than {MAX_SEED}; "
            "give a smaller one",
        )  # fmt: skip


def _shared(sweep: SweepFile) -> Iterator[Problem]:
    searched = search_seeds(sweep.search, sweep.confirm)
    seeds = [*itertools.chain.from_iterable(confirm_seeds(sweep.search, sweep.confirm)), *searched]
    twice = [seed for seed, count in Counter(seeds).items() if count > 1]
    if twice:
        key = "search" if sweep.search.further_seeds and twice[0] in searched else "confirm"
        yield sweep.problem(
            key, "further_seeds",
            f"{twice[0]} stands twice; studies share no seed, and none searches with one of a confirmation",
        )  # fmt: skip
