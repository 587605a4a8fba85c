"""The noise that a sweep which has ended shows between its studies and its seeds, to plan another by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from analysis.data.runs import SweepRecords
from analysis.statistics.intervals import PairKey
from analysis.statistics.variance_components import VarianceComponents, variance_components
from analysis.verdict._evidence import evidence_of
from optimizers import InputError


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


def _by_seed(own: Mapping[PairKey, float], baseline: Mapping[PairKey, float]) -> list[float]:
    differences = defaultdict(list)
    for rank, seed in sorted(own.keys() & baseline.keys()):
        differences[seed].append(own[rank, seed] - baseline[rank, seed])
    return [float(np.mean(values)) for values in differences.values()]


def _is_enough(differences: list[list[float]]) -> bool:
    counts = [len(study) for study in differences if study]
    return len(counts) > 1 and max(counts) > 1
