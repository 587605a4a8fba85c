"""The noise of searches and that of seeds, told apart, and how many studies and seeds it takes against both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.statistics.power import POWER, chance_to_differ, pairs_needed
from optimizers import InputError


@dataclass(frozen=True)
class VarianceComponents:
    """The variances of a paired difference: `studies` between studies, `seeds` between the seeds of one study.

    Both in the square of the scores' unit. They are estimates from `pilot_studies` with `pilot_seeds` each, the latter
    an effective number where studies have not the same.
    """

    studies: float
    seeds: float
    pilot_studies: int
    pilot_seeds: float

    def over(self, difference: float) -> VarianceComponents:
        """The variances of differences that are told in multiples of one."""
        return replace(self, studies=self.studies / difference**2, seeds=self.seeds / difference**2)

    def of_study(self, seeds: int) -> tuple[float, float]:
        """The variance of a study's mean over so many seeds, and its degrees of freedom.

        Fewer seeds than the pilot's add noise that is known from them (Satterthwaite's approximation); more take
        noise away, and then it is known no better than from the pilot's studies.
        """
        variance = self.studies + self.seeds / seeds
        between = self.pilot_studies - 1
        added = self.seeds * (1 / seeds - 1 / self.pilot_seeds)
        if added <= 0:
            return variance, between
        within = self.pilot_studies * (self.pilot_seeds - 1)
        rest = variance - added
        return variance, variance**2 / (rest**2 / between + added**2 / within)


@dataclass(frozen=True)
class Design:
    """So many studies of each arm, each confirmed on so many seeds."""

    studies: int
    seeds: int


def variance_components(differences: Sequence[Sequence[float]]) -> VarianceComponents:
    """Estimate both variances from paired differences, a sequence for each study with one for each of its seeds.

    By the mean squares between and within studies; where the first is the smaller one, studies add nothing that is
    seen. Raises InputError for fewer than two studies, and where none has two seeds.

    Source: S. R. Searle, G. Casella, C. E. McCulloch, "Variance Components", chapter 3 (one-way random model).
    """
    studies = [np.asarray(one, dtype=float) for one in differences if len(one)]
    sizes = np.array([len(one) for one in studies])
    if len(studies) < 2 or sizes.max() < 2:
        raise InputError(
            "The noise of searches and of seeds can be told apart from at least 2 studies, of which one has 2 seeds."
        )
    total, between = int(sizes.sum()), len(studies) - 1
    means = np.array([one.mean() for one in studies])
    center = float(sizes @ means) / total
    square_between = float(sizes @ (means - center) ** 2) / between
    square_within = sum(float(((one - one.mean()) ** 2).sum()) for one in studies) / (total - len(studies))
    seeds = (total - float((sizes**2).sum()) / total) / between
    return VarianceComponents(max(0.0, (square_between - square_within) / seeds), square_within, len(studies), seeds)


def designs(
    noise: Sequence[VarianceComponents],
    difference: float,
    level: float = 0.95,
    power: float = POWER,
    most_seeds: int = 20,
    fewest_studies: int = 2,
) -> tuple[Design, ...]:
    """The designs that show a true `difference` with `power`, whichever of the arms has it, by intervals at `level`.

    From one seed a study up to `most_seeds`, none with fewer than `fewest_studies`, and only where the further seeds
    save a study; what each costs is for the reader to weigh. `noise` is that of each arm's difference to the baseline
    between studies, over which the intervals are, and `difference` is in the scores' unit. Empty where more than
    100,000 studies are needed.
    """
    found: list[Design] = []
    for seeds in range(1, most_seeds + 1):
        needed = [_studies_needed(components, seeds, difference, level, power) for components in noise]
        if None in needed:
            continue
        studies = max(fewest_studies, *(one for one in needed if one is not None))
        if not found or studies < found[-1].studies:
            found.append(Design(studies, seeds))
    return tuple(found)


def _studies_needed(
    components: VarianceComponents, seeds: int, difference: float, level: float, power: float
) -> int | None:
    variance, freedom = components.of_study(seeds)
    spread = math.sqrt(variance)

    def chance(studies: int) -> float:
        return 1.0 if spread == 0 else chance_to_differ(studies, difference, spread, level, freedom)

    return pairs_needed(chance, power)
