"""The confirmation of an arm: the best configurations of its search, each once with every fresh seed.

It is no search, so it is no Optuna study, which a dashboard would show with an objective and parameters. Each run is a
user attribute of the arm's search study, so that it lies in the same storage, a journal or a database, and a page of
the study in Optuna's dashboard lists it:

    confirm/0: {"configuration": 4, "seed": 1, "status": "running"}
    confirm/0: {"configuration": 4, "seed": 1, "status": "finished", "epoch": 20, "value": 0.07, "reason": ""}

The number in the key is that of the run, ``configuration`` the number of the search trial that is repeated, and
``epoch``, ``value`` (the metric) and ``reason`` are as in ``study.Outcome``. Storage folders of
before hold a study ``<search study>/confirm``; its runs are copied over when the arm is opened, and the study stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces.study.assignment import Assignment, Outcome
from search_spaces.study.recorded_search import RecordedSearch, recorded_outcome
from search_spaces.sweep.resolved import Sweep
from trainables.mlflow_contract import Role, Status

KEY = f"{Role.CONFIRM}/"
# A pair of configuration and seed whose run failed is run once more.
MOST_ATTEMPTS = 2


@dataclass(frozen=True)
class Confirmation:
    """One run: the search trial whose configuration it repeats, its seed, and how it ended; None while it runs."""

    configuration: int
    seed: int
    outcome: Outcome | None = None

    @property
    def pair(self) -> tuple[int, int]:
        return self.configuration, self.seed

    @property
    def failed(self) -> bool:
        return self.outcome is not None and self.outcome.status == Status.FAILED

    def to_dict(self) -> dict[str, Any]:
        ended = {"status": Status.RUNNING} if self.outcome is None else asdict(self.outcome)
        ended.pop("tradeoffs", None)  # of trials of the search alone
        if not ended.get("tested"):
            ended.pop("tested", None)
        return {"configuration": self.configuration, "seed": self.seed, **ended}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Confirmation:
        ended = {key: value for key, value in kept.items() if key not in ("configuration", "seed")}
        ended["status"] = Status(ended["status"])
        return cls(kept["configuration"], kept["seed"], None if ended["status"] == Status.RUNNING else Outcome(**ended))


class Confirmations:
    """Asks and tells the confirmation of one arm; every call is durable when it returns."""

    def __init__(self, storage: BaseStorage, sweep: Sweep, search: RecordedSearch) -> None:
        self._search, self._seeds, self._top_k = search, sweep.confirm.seeds, sweep.confirm.top_k
        kept = search.study.user_attrs.items()
        self._runs = {int(key[len(KEY) :]): Confirmation.from_dict(run) for key, run in kept if key.startswith(KEY)}
        for number, run in _of_former_study(storage, f"{search.study.study_name}/{Role.CONFIRM}").items():
            if number not in self._runs:
                self._keep(number, run)

    def running(self) -> list[Assignment]:
        """What an earlier driver left running, to be issued again with the same numbers."""
        return [self._assignment(number) for number, run in self._runs.items() if run.outcome is None]

    def ended(self) -> Iterator[tuple[Assignment, Outcome]]:
        """Every run that has ended, with how it did."""
        for number, run in self._runs.items():
            if run.outcome is not None:
                yield self._assignment(number), run.outcome

    def ask(self) -> Assignment | None:
        """The next pair of configuration and seed; called once the arm's search is over.

        None when every pair is run or runs. A pair whose run failed comes once more, after the others.
        """
        missing = self._missing()
        if not missing:
            return None
        number = max(self._runs, default=-1) + 1
        self._keep(number, missing[0])
        return self._assignment(number)

    def tell(self, number: int, outcome: Outcome) -> None:
        self._keep(number, replace(self._runs[number], outcome=outcome))

    def left(self, search_is_over: bool) -> int:
        """How many runs have still to end, by what is best now; of a search that goes on, each place counts."""
        running = sum(run.outcome is None for run in self._runs.values())
        to_come = 0 if search_is_over else self._top_k - len(self._search.best(self._top_k))
        return running + len(self._missing()) + to_come * len(self._seeds)

    def _missing(self) -> list[Confirmation]:
        """The pairs that are to be issued, those that failed last."""
        there = {run.pair for run in self._runs.values() if not run.failed}
        failed = Counter(run.pair for run in self._runs.values() if run.failed)
        wanted = [Confirmation(number, seed) for number in self._search.best(self._top_k) for seed in self._seeds]
        missing = [run for run in wanted if run.pair not in there and failed[run.pair] < MOST_ATTEMPTS]
        return sorted(missing, key=lambda run: failed[run.pair])

    def _keep(self, number: int, run: Confirmation) -> None:
        """Write it down first, and only then believe it."""
        self._search.study.set_user_attr(f"{KEY}{number}", run.to_dict())
        self._runs[number] = run

    def _assignment(self, number: int) -> Assignment:
        run = self._runs[number]
        confirmed = self._search.study.get_trials(deepcopy=False)[run.configuration]
        return replace(
            self._search.assignment(confirmed),
            role=Role.CONFIRM,
            number=number,
            seed=run.seed,
            confirms=run.configuration,
            parent=None,
            since=0,
            until=None,
        )


def _of_former_study(storage: BaseStorage, name: str) -> dict[int, Confirmation]:
    """The runs of a study of confirmations, by number; what was only queued there is planned anew."""
    try:
        study_id = storage.get_study_id_from_name(name)
    except KeyError:
        return {}
    trials = storage.get_all_trials(study_id, deepcopy=False)
    return {trial.number: _of_former_trial(trial) for trial in trials if trial.state != TrialState.WAITING}


def _of_former_trial(trial: FrozenTrial) -> Confirmation:
    # A driver that was killed in its first moment had queued the pair and not yet drawn it.
    pair = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    outcome = recorded_outcome(trial) if trial.state.is_finished() else None
    return Confirmation(pair["configuration"], pair["seed"], outcome)
