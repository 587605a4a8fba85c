"""What a sweep shows of its arms, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analysis.data.found_digest import FoundDigest
from analysis.data.looks import Looks
from analysis.data.runs import Goal
from analysis.statistics.intervals import Interval, PairedDifference, PairKey
from analysis.verdict._evidence import Configuration
from search_spaces import Sweep

Noise = Literal["seeds", "search"]
Subject = Literal["arms", "configurations"]
Relation = Literal[
    "baseline",
    "better",
    "worse",
    "equivalent",
    "no_difference_shown",
    "undecided",
    "too_few_seeds",
    "no_interval",
    "not_compared",
]
Finding = Relation | Literal["configuration_better", "configuration_worse", "configuration_equivalent"]


@dataclass(frozen=True)
class ArmVerdict:
    """One arm: its search, its confirmation, and how it stands against the baseline.

    `best` is the finished trial with the best last validation value, `best_value` the median of that over the
    arm's studies. `confirmed` are the configurations that were confirmed, study by study and best first; their
    place counted from 1 is the rank in the keys of `scores` and `unscored` (why a score is missing). `trials` and
    `confirmations` count runs by outcome. `mean` is that of the scores; with several studies it is that of
    the studies' means, and `interval`, `difference` and `effect_size` have a study where they else have a seed.
    `effect_size` is the difference over the spread between seeds, see `intervals.effect_size`.
    `steps_to_target` is a median over confirmation runs, infinite for "never". `search_steps` are the optimizer
    steps of all trials, `planned_steps` those that were expected. `front` is the Pareto front of the finished
    trials, the best in the metric first, where the sweep has tradeoffs.

    `relation` is how the arm, or what one search has found for it, compares with the baseline, and `finding` the same
    with what it is about. Where the sweep has a smallest difference, `equivalence` is the difference's interval that
    lies within it for an equivalent arm, and `pairs_needed` how many seeds or studies would decide an undecided one 4
    times in 5.
    """

    name: str
    optimizer: str
    best: Configuration | None
    best_value: float | None
    trials: Mapping[str, int]
    confirmed: tuple[Configuration, ...]
    confirmations: Mapping[str, int]
    unscored: Mapping[PairKey, str]
    scores: Mapping[PairKey, float]
    mean: float | None
    interval: Interval | None
    difference: PairedDifference | None
    effect_size: float | None
    p_better: float | None
    steps_to_target: float | None
    relation: Relation
    subject: Subject
    equivalence: Interval | None = None
    pairs_needed: int | None = None
    search_steps: float | None = None
    planned_steps: float | None = None
    front: tuple[Configuration, ...] = ()

    @property
    def finding(self) -> Finding:
        """The relation; a claim that holds for configurations alone has a name of its own."""
        if self.subject == "configurations":
            return _OF_CONFIGURATIONS.get(self.relation, self.relation)
        return self.relation

    @property
    def is_settled(self) -> bool:
        """Whether more studies or seeds are not needed to say how it compares: it is better, worse or equivalent."""
        return self.relation in _SETTLED

    @property
    def shows_difference(self) -> bool:
        """Whether the interval of the difference leaves out 0, which it may for an equivalent arm too."""
        return bool(self.difference and self.difference.interval and self.difference.interval.excludes_zero)


_SETTLED: tuple[Relation, ...] = ("baseline", "better", "worse", "equivalent")
_OF_CONFIGURATIONS: dict[Relation, Finding] = {
    "better": "configuration_better",
    "worse": "configuration_worse",
    "equivalent": "configuration_equivalent",
}


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a sweep shows on one workload, which has a name where the sweep is over several.

    `comparison_level` is that of the differences' intervals, `equivalence_level` that of the narrower ones of two
    one-sided tests (both corrected for comparisons and looks, see `levels_of`). `smallest_difference` is in the unit of
    the scores as MLflow holds them: a fraction for an accuracy. `subject` is what the findings are about. `digest` is
    that of the whole sweep, where it has ended. `seconds` and
    `planned_seconds` are the wall time of the whole sweep, where they are known.
    """

    sweep: Sweep
    workload: str
    sweep_id: str
    score_metric: str
    score_goal: Goal
    comparison_level: float
    equivalence_level: float
    smallest_difference: float | None
    subject: Subject
    looks: Looks | None
    digest: FoundDigest | None
    arms: tuple[ArmVerdict, ...]
    sentences: tuple[str, ...]
    seconds: float | None
    planned_seconds: float | None

    def __repr__(self) -> str:
        """Return what it says; its parts are its attributes."""
        return "\n".join(self.sentences)

    @property
    def interval_covers(self) -> tuple[Noise, ...]:
        """The kinds of noise that the intervals of scores and differences hold."""
        return ("seeds",) if self.sweep.search.studies == 1 else ("seeds", "search")
