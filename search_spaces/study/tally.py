"""How many runs of a search and its confirmation were recorded, read without a change to the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from optuna.storages import BaseStorage
from optuna.trial import TrialState

from search_spaces.study._confirmations import KEY, Confirmation
from search_spaces.study.assignment import Outcome, arm_path
from search_spaces.study.population import planned_trials
from search_spaces.study.recorded_search import is_discarded, recorded_outcome, search_study_name
from search_spaces.study.study import EXHAUSTED
from search_spaces.sweep.resolved import Sweep
from trainables.mlflow_contract import Role, Status

# In place of a run that failed comes another.
COUNTED = (Status.FINISHED, Status.PRUNED, Status.DIVERGED)
_OTHERWISE = (Status.PRUNED, Status.DIVERGED, Status.FAILED)


@dataclass(frozen=True)
class Tally:
    """What a study holds of an arm in one contest.

    Attributes:
        ended: Runs of both roles by how they ended.
        left: How many have still to end, as far as it can be known.
        best: The best value of the search; None where no trial has finished.
        failures: Runs that failed, each with its reason.
    """

    ended: Counter[Status]
    left: int
    best: float | None
    failures: tuple[str, ...]

    @property
    def done(self) -> int:
        """Return the runs that count."""
        return sum(self.ended[status] for status in COUNTED)


def ended_otherwise(ended: Counter[Status]) -> dict[str, int]:
    """Return the counts of the runs that were not trained to their end, by how they ended."""
    return {str(status): ended[status] for status in _OTHERWISE if ended[status]}


def tally(storage: BaseStorage, sweep: Sweep, arm: str) -> Tally:
    """Return what is recorded of an arm of a contest; nothing where its study is not there yet."""
    path, confirmations = arm_path(sweep.contest, arm), sweep.confirm.top_k * len(sweep.confirm.seeds)
    try:
        study_id = storage.get_study_id_from_name(search_study_name(sweep, arm))
    except KeyError:
        return Tally(Counter(), planned_trials(sweep, arm) + confirmations, None, ())
    kept = storage.get_study_user_attrs(study_id)
    trials = [one for one in storage.get_all_trials(study_id, deepcopy=False) if not is_discarded(one)]
    searched = {f"{path}/{one.number}": recorded_outcome(one) for one in trials if one.state.is_finished()}
    confirmed = dict(_confirmed(kept, path))
    ended = [*searched.items(), *confirmed.items()]
    finished = [one.value for one in searched.values() if one.status == Status.FINISHED]
    better = min if sweep.metric.goal == "minimize" else max
    return Tally(
        Counter(outcome.status for _, outcome in ended),
        _trials_left(sweep, arm, [one.state for one in trials], EXHAUSTED in kept)
        + max(0, confirmations - _counted(confirmed.values())),
        better(finished, default=None),
        tuple(f"{run}: {outcome.reason}" for run, outcome in ended if outcome.status == Status.FAILED),
    )


def _confirmed(kept: dict[str, object], path: str) -> Iterator[tuple[str, Outcome]]:
    for key, run in kept.items():
        if key.startswith(KEY) and isinstance(run, dict):
            outcome = Confirmation.from_dict(run).outcome
            if outcome is not None:
                yield f"{path}/{Role.CONFIRM}/{key[len(KEY) :]}", outcome


def _trials_left(sweep: Sweep, arm: str, states: list[TrialState], exhausted: bool) -> int:
    running = states.count(TrialState.RUNNING)
    finished = states.count(TrialState.COMPLETE) + states.count(TrialState.PRUNED)
    return running if exhausted else max(running, planned_trials(sweep, arm) - finished)


def _counted(outcomes: Iterable[Outcome]) -> int:
    return sum(outcome.status in COUNTED for outcome in outcomes)
