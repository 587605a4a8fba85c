"""The noise that a sweep which has ended shows between its studies and its seeds, to plan another by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from analysis.data.runs import SweepRecords
from analysis.statistics.intervals import PairKey
from analysis.statistics.variance_components import Design, VarianceComponents, designs, variance_components
from analysis.verdict._evidence import evidence_of
from analysis.verdict.formatting import MetricFormat
from analysis.verdict.levels import LEVEL
from optimizers import InputError
from search_spaces import Sweep
from search_spaces.schema.words import listing
from search_spaces.sweep.resolved import FEWEST_PAIRS


def noise_of(records: SweepRecords) -> dict[str, VarianceComponents]:
    """The variances of each arm's paired difference to the baseline, in the square of the scores' unit.

    A seed's difference is the mean over the configurations that both confirmed with it. The score's unit is MLflow's:
    an accuracy is a fraction. An arm without enough pairs is left out.

    Raises InputError where the sweep has one study, which says nothing of the noise between studies, and where no arm
    has enough pairs.
    """
    sweep = records.sweep
    if sweep.search.studies == 1:
        raise InputError(
            f"{sweep.name} has one study, which shows the noise of seeds and not that of the search; a pilot takes at "
            "least 2 (search.studies)."
        )
    studies = range(1, sweep.search.studies + 1)
    scores = {name: [evidence_of(name, study, records).scores for study in studies] for name in sweep.arms}
    found = {}
    for name in sweep.arms:
        if name != sweep.baseline:
            pairs = zip(scores[name], scores[sweep.baseline], strict=True)
            differences = [_by_seed(own, baseline) for own, baseline in pairs]
            if _is_enough(differences):
                found[name] = variance_components(differences)
    if not found:
        raise InputError(f"{sweep.name} has no arm that shares seeds with {sweep.baseline} in 2 studies.")
    return found


def designs_for(sweep: Sweep, pilot: Sequence[SweepRecords], difference: float) -> tuple[Design, ...]:
    """The designs by which a sweep shows a `difference` with 80 % power, from the noise of an earlier one's parts.

    `difference` is one of scores as verdicts tell it, in percentage points for an accuracy. It is seen whichever arm,
    of those that both have, differs so much, and on whichever workload, at the level of the sweep's comparisons.

    Raises InputError as :func:`noise_of`, and where the two share no arm, or train something else.
    """
    parts = {part.workload: part for part in pilot}
    noise = []
    for name, workload in sweep.by_workload.items():
        part = parts.get(name)
        if part is None or part.sweep.workload.name != workload.name:
            raise InputError(f"{pilot[0].sweep.name} says nothing of the noise on {name or workload.name}.")
        measured, unit = noise_of(part), MetricFormat(part.score_metric).as_stored(difference)
        shared = [arm for arm in sweep.arms if arm in measured]
        if not shared:
            raise InputError(
                f"{part.sweep.name} compares {listing(measured)} with {part.sweep.baseline}, none of which "
                f"{sweep.name} has; the noise is that of the same comparison."
            )
        noise += [measured[arm].over(unit) for arm in shared]
    compared = max(1, len(sweep.arms) - 1) * len(sweep.by_workload)
    return designs(noise, 1.0, 1 - (1 - LEVEL) / compared, fewest_studies=FEWEST_PAIRS)


def _by_seed(own: Mapping[PairKey, float], baseline: Mapping[PairKey, float]) -> list[float]:
    differences = defaultdict(list)
    for rank, seed in sorted(own.keys() & baseline.keys()):
        differences[seed].append(own[rank, seed] - baseline[rank, seed])
    return [float(np.mean(values)) for values in differences.values()]


def _is_enough(differences: list[list[float]]) -> bool:
    counts = [len(study) for study in differences if study]
    return len(counts) > 1 and max(counts) > 1
