"""A database that goes away in the middle of a call: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError, PendingRollbackError

from optimizers import InputError
from search_spaces import parse_sweep
from search_spaces.stores import _patient_storage
from search_spaces.stores._patient_storage import PatientStorage
from search_spaces.stores.addresses import without_password
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Outcome
from trainables.mlflow_contract import Status

SWEEP = """
name: small
workload: {name: mlp/digits, epochs: 9}
baseline: adam
arms: {adam: {optimizer: adam, space: [lr]}}
search: {trials: 6}
confirm: {top_k: 1, seeds: [1, 2]}
"""


class Unreliable:
    """Loses every third call before it reaches the database, and the answer of every fourth."""

    def __init__(self, inner: BaseStorage) -> None:
        self._inner, self.calls, self.lost = inner, 0, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls % 3 == 0:
                self._lose()
            answer = method(*args, **kwargs)
            if self.calls % 4 == 0:
                self._lose()
            return answer

        return call

    def _lose(self) -> None:
        self.lost += 1
        gone = OperationalError("COMMIT", {}, sqlite3.OperationalError("server closed the connection unexpectedly"))
        if self.lost % 3 == 0:  # as when the way back fails too
            raise gone
        cut_off = PendingRollbackError("Can't reconnect until invalid transaction is rolled back.")
        raise StorageInternalError("in a commit") from (gone if self.lost % 3 == 1 else cut_off)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_patient_storage, "PAUSE_S", 0.0)


def database(path: Path) -> BaseStorage:
    return optuna.storages.get_storage(optuna.storages.RDBStorage(f"sqlite:///{path / 'study.db'}"))


def test_a_whole_arm_over_a_connection_that_keeps_breaking(tmp_path: Path) -> None:
    unreliable: Any = Unreliable(database(tmp_path))
    arm = ArmStudies(PatientStorage(unreliable), parse_sweep(SWEEP), "adam")
    ran = []
    while (assignment := arm.next()) is not None:
        ran.append(assignment.trial_id)
        arm.hear(assignment, {3: 0.5})
        arm.hear(assignment, {}, Outcome(Status.FINISHED, 9, abs(assignment.hyperparameters.get("lr", 0.0) - 0.01)))
    assert unreliable.lost > 50
    assert ran == [*(f"adam/{number}" for number in range(6)), "adam/confirm/0", "adam/confirm/1"]
    kept = database(tmp_path)
    study = optuna.load_study(study_name="small/adam", storage=kept)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 6
    assert {name: run["status"] for name, run in study.user_attrs.items()} == {
        "confirm/0": "finished",
        "confirm/1": "finished",
    }


def test_one_that_stays_away_is_told_as_such(tmp_path: Path) -> None:
    class Away(Unreliable):
        def __getattr__(self, name: str) -> Any:
            return lambda *args, **kwargs: self._lose()

    away: Any = Away(database(tmp_path))
    with pytest.raises(ConnectionError, match="has been away for too long"):
        PatientStorage(away, patience_s=0.05).get_all_studies()


def test_what_is_no_matter_of_the_connection_is_raised_at_once(tmp_path: Path) -> None:
    storage = PatientStorage(database(tmp_path))
    with pytest.raises(KeyError):
        storage.get_study_id_from_name("nobody")


def test_passwords_are_not_shown() -> None:
    shown = without_password("postgresql+psycopg2://adamant:secret@127.0.0.1:5432/optuna")
    assert shown == "postgresql+psycopg2://adamant:***@127.0.0.1:5432/optuna"
    for harmless in ("/somewhere/study.journal", "sqlite:////somewhere/mlflow.db", "http://127.0.0.1:5000"):
        assert without_password(harmless) == harmless
    with pytest.raises(InputError, match=r"postgresql://adamant:\*\*\*@127.0.0.1:1/x: the study storage cannot be"):
        open_storage("postgresql://adamant:secret@127.0.0.1:1/x")
