"""A study's database that may be away for minutes: each call is repeated until it is answered, and counts once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from optimizers.errors import one_line
from search_spaces.stores.addresses import without_password
from search_spaces.stores.databases import is_of_the_connection, is_of_the_file

PAUSE_S = 1.0
PATIENCE_S = 900.0
ATTEMPTS_BEFORE_A_WARNING = 3


class _Repeating(BaseStorage):
    """Passes every call on to ``inner``, again and again while the database does not answer."""

    def __init__(self, inner: BaseStorage, patience_s: float = PATIENCE_S) -> None:
        self._inner, self._patience_s = inner, patience_s

    def _repeat(self, call: Callable[[bool], Any]) -> Any:
        """``call`` is told whether it was tried before: the answer, and not the deed, may be what was lost."""
        deadline, attempts = time.monotonic() + self._patience_s, 0
        while True:
            try:
                return call(attempts > 0)
            except (StorageInternalError, SQLAlchemyError) as error:
                cause = error.__cause__ if isinstance(error, StorageInternalError) else error
                reason = without_password(one_line(getattr(cause, "orig", None) or cause or error))[:200]
                if is_of_the_file(cause):
                    raise OSError(f"the study's database cannot be used ({reason})") from None
                if not is_of_the_connection(cause):
                    raise
                attempts += 1
                if time.monotonic() > deadline:
                    raise ConnectionError(f"the study's database has been away for too long ({reason})") from None
                if attempts == ATTEMPTS_BEFORE_A_WARNING:
                    logging.getLogger("adamant").warning(
                        "The study's database does not answer (%s); trying until it does", reason
                    )
                time.sleep(PAUSE_S)


def _passed_on(name: str) -> Callable[..., Any]:
    def call(self: _Repeating, *args: Any, **kwargs: Any) -> Any:
        return self._repeat(lambda _again: getattr(self._inner, name)(*args, **kwargs))

    return call


# Whatever reads, or writes a value under a key, may simply be repeated.
_Plain = type("_Plain", (_Repeating,), {name: _passed_on(name) for name in BaseStorage.__abstractmethods__})


class PatientStorage(_Plain):
    """An Optuna storage for one driver a study. Raises ConnectionError when the database stays away for too long."""

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """The new trial's id; that of one that is there already when only the answer was lost."""
        known = {trial._trial_id for trial in self.get_all_trials(study_id, deepcopy=False)}

        def create(again: bool) -> int:
            if again:
                made = [one._trial_id for one in self._inner.get_all_trials(study_id, deepcopy=False)]
                new = [trial_id for trial_id in made if trial_id not in known]
                if new:
                    return new[0]
            return self._inner.create_new_trial(study_id, template_trial)

        return self._repeat(create)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Any = None) -> bool:
        """Whether the state was set. Nobody else sets it, so a trial that has it already got it from here."""

        def set_state(again: bool) -> bool:
            try:
                return self._inner.set_trial_state_values(trial_id, state, values) or again
            except UpdateFinishedTrialError:
                if not again:
                    raise
                return True

        return self._repeat(set_state)
