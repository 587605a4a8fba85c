"""How many studies and seeds it takes: against the noncentral t distribution, and by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.intervals import bootstrap_interval, detectable_difference, paired_difference
from analysis.statistics.power import chance_to_be_equivalent, chance_to_differ, pairs_needed
from analysis.statistics.variance_components import VarianceComponents, designs, variance_components
from optimizers import InputError


@pytest.mark.parametrize(("effect", "level", "power"), [(0.5, 0.95, 0.8), (1.0, 0.95, 0.9), (2.0, 0.99, 0.8)])
def test_a_known_spread_gives_the_sample_size_of_the_paired_t_test(effect, level, power) -> None:
    def noncentral(pairs: int) -> float:
        return float(stats.nct.sf(stats.t.ppf((1 + level) / 2, pairs - 1), pairs - 1, effect * math.sqrt(pairs)))

    needed = pairs_needed(lambda pairs: chance_to_differ(pairs, 3 * effect, 3.0, level), power)
    assert needed is not None
    assert noncentral(needed) >= power > noncentral(needed - 1)
    assert needed == {0.5: 34, 1.0: 13, 2.0: 7}[effect] or effect == 2.0  # the first two by G*Power


def test_a_spread_from_few_pairs_needs_more_and_agrees_with_the_difference_said_to_be_seen() -> None:
    scores = [0.4, 1.1, 0.2, 0.9, 0.1]
    spread, detectable = float(np.std(scores, ddof=1)), detectable_difference(scores)
    assert detectable is not None
    assert chance_to_differ(5, detectable, spread, 0.95, 4) == pytest.approx(0.8, abs=0.01)
    known, estimated = (
        pairs_needed(lambda pairs, freedom=freedom: chance_to_differ(pairs, 0.5, 1.0, 0.95, freedom))
        for freedom in (math.inf, 4)
    )
    assert known == 34
    assert estimated is not None
    assert estimated > 45


@pytest.mark.parametrize("pairs", [5, 12])
def test_the_chance_to_be_equivalent_is_that_of_two_one_sided_tests(pairs: int) -> None:
    generator = np.random.default_rng(pairs)
    found = [bootstrap_interval(generator.normal(size=pairs).tolist(), 0.9) for _ in range(4_000)]
    share = np.mean([interval is not None and -1 < interval.low < interval.high < 1 for interval in found])
    assert chance_to_be_equivalent(pairs, 1.0, 1.0, 0.9) == pytest.approx(share, abs=0.02)


def test_what_would_take_more_than_a_hundred_thousand_pairs_has_no_number() -> None:
    assert pairs_needed(lambda pairs: chance_to_differ(pairs, 1e-4, 1.0, 0.95)) is None


def test_both_variances_are_found_again() -> None:
    """Also where studies have different numbers of seeds; on average, as the estimates of few studies vary."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(1500):
        sizes = generator.integers(2, 6, size=8)
        found.append(variance_components([generator.normal(generator.normal(0, 2), 1, size) for size in sizes]))
    assert np.mean([one.seeds for one in found]) == pytest.approx(1, abs=0.03)
    assert np.mean([one.studies for one in found]) == pytest.approx(4, abs=0.25)


def test_variances_are_those_of_the_mean_squares() -> None:
    """Of two studies with means 1 and 4 and three seeds each: 13.5 between, 1 within."""
    found = variance_components([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    assert (found.seeds, found.studies, found.pilot_seeds) == pytest.approx((1.0, (13.5 - 1) / 3, 3.0))
    assert variance_components([[0.0, 9.0], [9.0, 0.0]]).studies == 0.0
    assert found.of_study(3) == pytest.approx((4.5, 1))
    variance, freedom = found.of_study(1)
    assert variance == pytest.approx(4.5 + 2 / 3)
    assert freedom > 1


@pytest.mark.parametrize("differences", [[], [[1.0, 2.0, 3.0]], [[1.0], [2.0], [3.0]]])
def test_noise_that_cannot_be_told_apart_is_refused(differences) -> None:
    with pytest.raises(InputError, match="at least 2 studies"):
        variance_components(differences)


def test_designs_show_the_difference_four_times_in_five() -> None:
    """Every design that is proposed, of a noise that is well known, by the interval that decides verdicts."""
    components = VarianceComponents(studies=0.04, seeds=0.09, pilot_studies=2000, pilot_seeds=5)
    proposed = designs([components], 0.4)
    assert proposed[0].seeds == 1
    assert all(one.studies > other.studies for one, other in itertools.pairwise(proposed))
    generator = np.random.default_rng(0)
    for design in proposed[:3]:
        shown = 0
        for _ in range(600):
            means = generator.normal(0.4, math.sqrt(0.04 + 0.09 / design.seeds), design.studies).tolist()
            zeros = {(1, study): 0.0 for study in range(design.studies)}
            found = paired_difference({(1, study): mean for study, mean in enumerate(means)}, zeros)
            shown += found is not None and found.interval is not None and found.interval.low > 0
        assert 0.74 < shown / 600 < 0.9


def test_more_seeds_do_not_stand_for_studies() -> None:
    """What searches differ by is left: beyond some seeds no study is saved."""
    proposed = designs([VarianceComponents(studies=1.0, seeds=0.1, pilot_studies=50, pilot_seeds=5)], 1.0)
    assert len(proposed) <= 3
    assert designs([VarianceComponents(1.0, 0.1, 50, 5)], 1e-4) == ()
