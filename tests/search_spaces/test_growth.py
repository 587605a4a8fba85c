"""A sweep that gets more keeps what it has, and has then what its file finds for anyone who runs it from the start."""

from __future__ import annotations

import itertools

import pytest
from optuna.storages import InMemoryStorage

from benchmarks.recorded_curves import DIGITS, RecordedCurves, sweep_of_the_table
from cluster.ray.simulation import simulate
from optimizers import InputError
from search_spaces import Sweep, parse_sweep
from search_spaces.schema.yaml_source import dump_yaml
from search_spaces.study.arm_studies import open_arms
from search_spaces.study.assignment import Assignment
from search_spaces.study.digest import canonical_lines, digest_of
from search_spaces.sweep.growth import Growth, grown, grown_as
from search_spaces.sweep.seeds import confirm_seeds, search_seeds

CURVES = RecordedCurves(DIGITS, sweep_of_the_table().arms["adam"].space.parameters)
TEXT = """\
name: small
workload: {name: mlp/digits, epochs: 9}
baseline: adam
arms: {adam: {optimizer: adam, space: [lr]}, sgd: {optimizer: sgd}}
search: {trials: 6}
confirm: {seeds: [1, 2]}
"""


def small(*overrides: str) -> Sweep:
    return parse_sweep(TEXT, "small.yaml", overrides)


def seeds_of(sweep: Sweep) -> tuple[list[int], list[list[int]]]:
    return search_seeds(sweep.search, sweep.confirm), confirm_seeds(sweep.search, sweep.confirm)


def table(**changes: object) -> Sweep:
    return sweep_of_the_table(**{"search__trials": 5, "confirm__seeds": [1, 2], "search__window": 4, **changes})


def found(*sweeps: Sweep) -> tuple[str, list[str]]:
    """Digest and lines of a sweep whose forms are run one after the other on one storage."""

    def curve(assignment: Assignment, epoch: int) -> float:
        # What only a seed decides must matter too.
        return CURVES.value(assignment.hyperparameters, epoch) * (1 + 1e-3 * (assignment.seed % 7))

    storage = InMemoryStorage()
    for sweep in sweeps:
        simulate(sweep, curve, slots=3, storage=storage)
    arms = open_arms(storage, sweeps[-1])
    return digest_of(arms), list(canonical_lines(arms))


GROWTHS = {
    "studies": (1, [Growth(studies=2)]),
    "studies of several": (2, [Growth(studies=1)]),
    "seeds": (1, [Growth(seeds=2)]),
    "seeds of several": (3, [Growth(seeds=1)]),
    "one after the other": (1, [Growth(seeds=1), Growth(studies=1), Growth(seeds=2), Growth(studies=2)]),
    "all at once": (2, [Growth(trials=3, studies=1, seeds=1)]),
}


@pytest.mark.parametrize("case", GROWTHS)
def test_what_a_sweep_has_stays_and_its_file_finds_the_same_from_the_start(case: str) -> None:
    studies, growths = GROWTHS[case]
    forms = list(itertools.accumulate(growths, grown, initial=table(search__studies=studies)))
    before, (digest, after) = found(forms[0])[1], found(*forms)
    recorded = parse_sweep(dump_yaml(forms[-1].file.plain()))
    assert found(recorded) == (digest, after)
    if studies == 1 and forms[-1].search.studies > 1:
        before = [line.replace('"arm": "', '"arm": "study-1/') for line in before]
    if not any(growth.trials for growth in growths):
        assert set(before) <= set(after)
    assert len(after) == len(set(after))


def test_a_sweep_of_one_study_that_gets_more_keeps_its_ids_and_finds_what_three_find() -> None:
    one, three = table(), table(search__studies=3)
    more = grown(one, Growth(studies=2))
    assert [contest.path for contest in more.contests] == ["", "study-2", "study-3"]
    assert [contest.path for contest in three.contests] == ["study-1", "study-2", "study-3"]
    assert seeds_of(more) == seeds_of(three)
    assert not more.search.further_seeds
    assert found(one, more) == found(three)
    assert "grown_from_one" not in dump_yaml(three.file.plain())


def test_seeds_that_would_change_are_written_down() -> None:
    """A search has seed 4, which would be one of the second study's confirmation, as those follow from the file."""
    one = small("search.seed=4")
    assert seeds_of(one) == ([4], [[1, 2]])
    assert seeds_of(small("search.seed=4", "search.studies=2")) == ([6, 7], [[1, 2], [4, 5]])
    more = grown(one, Growth(studies=2))
    searched, confirmed = seeds_of(more)
    every = [*searched, *itertools.chain.from_iterable(confirmed)]
    assert (searched[0], confirmed[0]) == (4, [1, 2])
    assert len(every) == len(set(every)) == 9
    assert seeds_of(parse_sweep(dump_yaml(more.file.plain()))) == (searched, confirmed)


def test_more_seeds_are_fresh_ones_in_each_study() -> None:
    several = small("search.studies=3")
    searched, confirmed = seeds_of(several)
    more = grown(several, Growth(seeds=2))
    assert seeds_of(more)[0] == searched
    assert [seeds[:2] for seeds in seeds_of(more)[1]] == confirmed
    every = [*searched, *itertools.chain.from_iterable(seeds_of(more)[1])]
    assert len(every) == len(set(every)) == 3 + 3 * 4
    assert grown(small(), Growth(seeds=2)).confirm.seeds == [1, 2, 3, 4]


def test_the_file_that_a_sweep_began_with_is_known_in_what_it_became() -> None:
    began, other = small("search.studies=2"), small("search.studies=2", "confirm.seeds=[1, 3]")
    more = grown(began, Growth(studies=1, seeds=1))
    assert grown_as(began.file, more.file).plain() == more.file.plain()
    assert grown_as(other.file, more.file) is other.file
    assert grown_as(more.file, began.file) is more.file, "nothing is taken away"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["search.further_seeds=[5]"], "search.further_seeds: must have seeds for each study after the first, 2, and"),
        (["confirm.further_seeds=[[5, 6]]"], "confirm.further_seeds: must have seeds for each study after the first"),
        (["confirm.further_seeds=[[5, 6], [7]]"], "confirm.further_seeds.1: must be 2 seeds, as many as confirm.seeds"),
        (["confirm.further_seeds=[[5, 6], [6, 7]]"], "confirm.further_seeds: 6 stands twice; studies share no seed"),
        (["search.further_seeds=[5, 5]"], "search.further_seeds: 5 stands twice"),
        (["search.further_seeds=[1, 9]"], "search.further_seeds: 1 stands twice"),
        (["search.further_seeds=[9, x]"], "search.further_seeds.1: must be a whole number"),
        (["confirm.further_seeds=[[3, 4], 5]"], "confirm.further_seeds.1: must be a list of whole numbers"),
    ],
)
def test_seeds_of_further_studies_are_checked(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        small("search.studies=3", *overrides)
    assert len(refused.value.problems) == 1
    assert message in str(refused.value)


def test_an_arm_with_the_name_of_a_study_can_not_get_studies() -> None:
    named = parse_sweep(TEXT.replace("sgd: {", "study-2: {"))
    with pytest.raises(InputError, match="the arm study-2 has the name that a further study has"):
        grown(named, Growth(studies=1))
