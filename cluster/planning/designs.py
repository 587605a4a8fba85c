"""What it costs to see a difference: designs of a sweep, each with so many studies and seeds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count, islice
from typing import Any

from cluster.planning.plan import ENDING_S, START_UP_S, ArmPlan, Plan
from search_spaces import Sweep
from search_spaces.schema.words import duration


@dataclass(frozen=True)
class DesignCost:
    """What a design takes in all: epochs (or evaluations), steps where they are known, seconds where it was probed."""

    studies: int
    seeds: int
    epochs: float
    steps: float | None
    wall_s: float | None


@dataclass(frozen=True)
class Detection:
    """By which designs of a ``sweep`` a ``difference`` between scores is seen, by the noise of an earlier sweep."""

    sweep: Sweep
    difference: float
    pilot: str
    costs: tuple[DesignCost, ...]

    @property
    def cheapest(self) -> DesignCost:
        """Return that with the least time, or fewest epochs where times are not known."""
        return min(self.costs, key=lambda cost: (cost.wall_s or 0.0, cost.epochs))

    @property
    def question(self) -> str:
        """What is answered, in words, and the answer where there is none that can be paid."""
        seen = f"A difference of {self.difference:g} between scores, by the noise of {self.pilot},"
        if not self.costs:
            return f"{seen} would take more than 100,000 studies to be seen 4 times in 5."
        return f"{seen} is seen 4 times in 5 (80 % power) with:"

    def rows(self) -> list[dict[str, str]]:
        """Return a row for each design."""
        return [
            {
                "studies": f"{cost.studies:,}",
                "seeds in each": str(cost.seeds),
                "epochs in all": f"{cost.epochs:,.0f}",
                "steps in all": "" if cost.steps is None else f"{cost.steps:,.0f}",
                "time": "" if cost.wall_s is None else duration(cost.wall_s),
                "": "cheapest" if cost is self.cheapest else "",
            }
            for cost in self.costs
        ]

    def command(self, sweep: str) -> str:
        """Return what to type to run the cheapest."""
        cost, given = self.cheapest, self.sweep.confirm.seeds
        others = (seed for seed in count(1) if seed not in {self.sweep.search.seed, *given})
        seeds = [*given, *islice(others, max(0, cost.seeds - len(given)))][: cost.seeds]
        settings = [f"search.studies={cost.studies}", f"confirm.seeds={seeds}"]
        return "The cheapest: " + shlex.join(
            ["adamant", "run", sweep, *(part for one in settings for part in ("--set", one))]
        )

    def to_json(self) -> dict[str, Any]:
        """As data: the difference, whose noise counted, and what each design takes."""
        costs = [asdict(cost) for cost in self.costs]
        return {"difference": self.difference, "from": self.pilot, "designs": costs}


def detection(difference: float, pilot: str, designs: Sequence[tuple[int, int]], plan: Plan, sweep: Sweep) -> Detection:
    """Return what designs cost, each the number of studies and that of seeds in each, by the plan of the sweep."""
    costs = tuple(_cost(studies, seeds, plan, sweep) for studies, seeds in designs)
    return Detection(sweep, difference, pilot, costs)


def _cost(studies: int, seeds: int, plan: Plan, sweep: Sweep) -> DesignCost:
    epochs = {arm.name: _epochs(arm, studies, seeds, sweep) for arm in plan.arms}
    known = all(arm.steps_per_epoch is not None for arm in plan.arms)
    wall_s = None
    if plan.wall_s is not None:
        planned = sum(arm.seconds or 0.0 for arm in plan.arms)
        needed = sum(
            (arm.seconds or 0.0) * epochs[arm.name] / (arm.search_epochs + arm.confirm_epochs) for arm in plan.arms
        )
        fixed = START_UP_S + ENDING_S
        wall_s = fixed + (plan.wall_s - fixed) * needed / planned
    return DesignCost(
        studies,
        seeds,
        sum(epochs.values()),
        sum(epochs[arm.name] * (arm.steps_per_epoch or 0) for arm in plan.arms) if known else None,
        wall_s,
    )


def _epochs(arm: ArmPlan, studies: int, seeds: int, sweep: Sweep) -> float:
    """Those of the search and of the confirmation, of which a study has as many as it has in the plan."""
    of_study = arm.search_epochs + arm.confirm_epochs * seeds / len(sweep.confirm.seeds)
    return of_study * studies / sweep.search.studies
