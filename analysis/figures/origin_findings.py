"""What the origin of this project found with one seed, held against a sweep of today.

It trained four optimizers at the learning rate 0.001 for 50 epochs and drew their losses: Adam with betas of beta e^-t
(`origin_adam`), Adam, RMSprop and AdaGrad. Arms are recognised by their optimizer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import best_confirmations, one_workload
from analysis.statistics.intervals import PairKey, paired_difference
from search_spaces.schema.words import listing, plural
from trainables.mlflow_contract import Status

LEVEL = 0.95
_NAMES = {"adam": "Adam", "origin_adam": "Adam_custom", "rmsprop": "RMSprop", "adagrad": "AdaGrad"}

Outcome = Literal["yes", "the opposite", "not shown", "not measured"]


@dataclass(frozen=True)
class Ending:
    """At the end of training, the loss of ``lower`` is below that of ``higher``; ``seen`` are the origin's values."""

    metric: str
    lower: str
    higher: str
    seen: str = ""
    measured: ClassVar[str] = "{} and {}"

    @property
    def words(self) -> str:
        return f"{self.metric} of {_NAMES[self.lower]} ends below {_NAMES[self.higher]}'s"

    def pairs(self, tables: SweepTables) -> tuple[dict[PairKey, float], dict[PairKey, float]]:
        """By study and seed, what should be higher, and what lower."""
        higher, lower = (_by_seed(_runs(tables, name), self.metric) for name in (self.higher, self.lower))
        return higher, lower


@dataclass(frozen=True)
class Rise:
    """The loss of ``optimizer`` ends above its lowest value: it learns its training images by heart."""

    optimizer: str
    seen: str
    metric: str = "val/loss"
    measured: ClassVar[str] = "from {} up to {}"

    @property
    def words(self) -> str:
        return f"{self.metric} of {_NAMES[self.optimizer]} rises again from its lowest"

    def pairs(self, tables: SweepTables) -> tuple[dict[PairKey, float], dict[PairKey, float]]:
        """By study and seed, the last value, and that at the evaluation at which the other seeds' mean is lowest.

        Its own lowest value would be below its last one by chance as well.
        """
        curves = tables.curves[tables.curves["run_id"].isin(_runs(tables, self.optimizer)["run_id"])]
        if self.metric not in curves:
            return {}, {}
        runs = [run for _, run in curves.dropna(subset=[self.metric]).groupby("run_id")]
        if len(runs) < 2:
            return {}, {}
        by_step = [run.set_index("step")[self.metric] for run in runs]
        values = pd.concat(by_step, axis="columns", join="inner").sort_index().to_numpy()  # (evaluations, seeds)
        if not len(values):
            return {}, {}
        others = values.sum(axis=1, keepdims=True) - values
        lowest = values[others.argmin(axis=0), np.arange(len(runs))]
        keys = [(int(run["study"].iloc[0]), int(run["seed"].iloc[0])) for run in runs]
        return _floats(keys, values[-1]), _floats(keys, lowest)


FINDINGS: Mapping[str, tuple[Ending | Rise, ...]] = {
    "mlp/mnist": (
        Ending("train/loss", "adam", "adagrad", "below 0.01 and 0.09"),
        Ending("train/loss", "origin_adam", "adagrad", "below 0.01 and 0.09"),
        Ending("train/loss", "rmsprop", "adagrad", "below 0.01 and 0.09"),
        Ending("test/loss", "origin_adam", "adam", "0.13 and 0.18"),
        Ending("test/loss", "origin_adam", "rmsprop", "0.13 and 0.21"),
        Ending("test/loss", "adam", "rmsprop", "0.18 and 0.21"),
        Ending("test/loss", "adagrad", "origin_adam", "0.11 and 0.13"),
        Rise("adam", "up to 0.18"),
        Rise("rmsprop", "up to 0.21"),
    ),
    "cnn/cifar10": (
        Ending("train/loss", "origin_adam", "adagrad"),
        Ending("test/loss", "origin_adam", "adagrad"),
    ),
}


def origin_findings(tables: SweepTables) -> pd.DataFrame:
    """What the origin found with this net on this data, and whether it came out again: a row for each finding.

    Columns: `the origin found` and `there`, its values; `here`, the means over `seeds`; and `again`: yes or the
    opposite where the 95 % interval of the difference, paired by seed, excludes 0, else not shown; not measured
    without two seeds. Each finding is judged by itself. No rows for a workload that the origin did not have; raises
    InputError for the tables of several workloads.
    """
    tables = one_workload(tables)
    rows = [_checked(finding, tables) for finding in FINDINGS.get(tables.sweep.workload.name, ())]
    return pd.DataFrame(rows, columns=pd.Index(["the origin found", "there", "here", "seeds", "again"]))


def origin_in_words(tables: SweepTables) -> tuple[str, ...]:
    """A sentence for each of `origin_findings`, sorted by how it came out; or why there are none."""
    found = origin_findings(tables)
    if found.empty:
        return (f"The origin trained {listing(FINDINGS)}, so it found nothing on {tables.sweep.workload.name}.",)
    said = [
        f"Here each net was trained for {tables.sweep.workload.budget}, on {plural(int(found['seeds'].max()), 'seed')}."
    ]
    for outcome, words in _SENTENCES.items():
        said += [f"{words}: {_told(row)}." for row in found[found["again"] == outcome].to_dict("records")]
    unmeasured = int((found["again"] == "not measured").sum())
    return (*said, f"Not measured by this sweep: {unmeasured} of {len(found)} findings.") if unmeasured else tuple(said)


_SENTENCES: Mapping[Outcome, str] = {
    "yes": "Came out again",
    "the opposite": "The opposite came out",
    "not shown": "Shown neither way by so few seeds",
}


def _told(row: Mapping[Any, Any]) -> str:
    there = f", there {row['there']}" if row["there"] else ""
    return f"{row['the origin found']} (here {row['here']}{there})"


def _checked(finding: Ending | Rise, tables: SweepTables) -> tuple[str, str, str, int, Outcome]:
    higher, lower = finding.pairs(tables)
    difference = paired_difference(higher, lower, LEVEL)
    seeds = 0 if difference is None else len(difference.differences)
    if difference is None or seeds < 2:
        return finding.words, finding.seen, "", seeds, "not measured"
    means = [sum(side[key] for key in difference.differences) / seeds for side in (lower, higher)]
    outcome: Outcome = "not shown"
    if difference.interval is not None and difference.interval.excludes_zero:
        outcome = "yes" if difference.mean > 0 else "the opposite"
    here = finding.measured.format(*(f"{mean:.3g}" for mean in means))
    return finding.words, finding.seen, here, seeds, outcome


def _runs(tables: SweepTables, optimizer: str) -> pd.DataFrame:
    """The finished confirmations of the first arm that has this optimizer."""
    runs = best_confirmations(tables)
    own = runs[(runs["optimizer"] == optimizer) & (runs["outcome"] == Status.FINISHED)]
    return own[own["arm"] == own["arm"].iloc[0]] if len(own) else own


def _by_seed(runs: pd.DataFrame, metric: str) -> dict[PairKey, float]:
    """By study and seed."""
    if metric not in runs:
        return {}
    told = runs.dropna(subset=[metric])
    keys = [(int(study), int(seed)) for study, seed in zip(told["study"], told["seed"], strict=True)]
    return _floats(keys, told[metric])


def _floats(keys: Sequence[PairKey], values: ArrayLike) -> dict[PairKey, float]:
    return dict(zip(keys, np.asarray(values, dtype=float).tolist(), strict=True))
