"""How a sweep stands, from what its driver has told, or from its studies where no driver could tell the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.console.progress import ArmState
from cluster.sessions.standing import LIVE, Standing, State, read_standing, totals
from cluster.storage.sweep_folder import Manifest, SweepFolder
from search_spaces.sweep.resolved import Contest

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from search_spaces import Sweep
    from search_spaces.study.tally import Tally

OpenStudies = Callable[[str], "BaseStorage"]
KEPT_FAILURES = 5


@dataclass(frozen=True)
class SweepState:
    """How a sweep stands.

    Attributes:
        reason: Why it waits, has failed or was interrupted, in a clause; "" where there is nothing to say.
        standing: What its driver has told last; None of a sweep of a version before.
    """

    state: State
    arms: tuple[ArmState, ...]
    reason: str = ""
    failures: tuple[str, ...] = ()
    standing: Standing | None = None

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def best(self) -> list[ArmState]:
        """Return the arm with the best value of the search so far, of each workload; none where no trial has ended."""
        by_workload: dict[str, list[ArmState]] = defaultdict(list)
        for arm in self.arms:
            if arm.best is not None:
                by_workload[arm.name.rpartition("/")[0]].append(arm)
        return [_best_of(arms) for arms in by_workload.values()]

    @property
    def totals(self) -> tuple[int, int]:
        """Return how many runs have ended, and how many were asked for."""
        return totals(self.arms)


def _best_of(arms: Sequence[ArmState]) -> ArmState:
    return (min if arms[0].minimize else max)(arms, key=lambda arm: arm.best or 0.0)


def state_of(folder: SweepFolder, manifest: Manifest, open_studies: OpenStudies) -> SweepState:
    """Return how a sweep stands; its studies are opened only where no driver has told all of it.

    Raises InputError where they cannot be read.
    """
    standing = read_standing(folder, manifest.sweep_id)
    if standing is not None and (standing.is_driven or standing.state not in LIVE):
        return SweepState(standing.state, standing.arms, standing.reason, standing.failures, standing)
    reason = f"its driver died (process {standing.driver.pid} on {standing.driver.host})" if standing else ""
    arms, failures = _from_studies(folder, manifest, open_studies)
    done, asked = totals(arms)
    if done >= asked and standing is None:
        return SweepState(State.DONE, arms, "", failures)
    return SweepState(State.INTERRUPTED, arms, reason, failures, standing)


def _from_studies(
    folder: SweepFolder, manifest: Manifest, open_studies: OpenStudies
) -> tuple[tuple[ArmState, ...], tuple[str, ...]]:
    """Return the arms as the studies hold them, and the last failures."""
    from optuna.storages import InMemoryStorage

    from cluster.storage.recorded import is_there
    from search_spaces.study.tally import tally

    sweep, location = folder.open()[0], manifest.study_location
    tallies: dict[tuple[str, str], list[Tally]] = defaultdict(list)
    storage = open_studies(location) if is_there(location) else InMemoryStorage()
    for contest in sweep.contests.values():
        for arm in sweep.arms:
            tallies[contest.contest.workload, arm].append(tally(storage, contest, arm))
    arms = tuple(_arm_state(sweep, workload, arm, found) for (workload, arm), found in tallies.items())
    failures = [failure for found in tallies.values() for one in found for failure in one.failures]
    return arms, tuple(failures[-KEPT_FAILURES:])


def _arm_state(sweep: Sweep, workload: str, arm: str, found: Sequence[Tally]) -> ArmState:
    """Return how an arm stands on a workload, all of its studies together."""
    from search_spaces.study.assignment import arm_path
    from search_spaces.study.tally import ended_otherwise

    metric = sweep.on(workload).metric
    best, minimize = [one.best for one in found if one.best is not None], metric.goal == "minimize"
    return ArmState(
        arm_path(Contest(workload), arm),
        metric.name,
        sum(one.done for one in found),
        sum(one.left for one in found),
        0,
        ended_otherwise(sum((one.ended for one in found), Counter())),
        (min if minimize else max)(best, default=None),
        minimize,
    )
