"""Tags of runs in MLflow, read as what they are to hold: whoever may write to a store may write anything there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from optimizers import InputError
from trainables.mlflow_contract import Status, Tag, session_tag, status_of

if TYPE_CHECKING:
    from mlflow.entities import Run

SECONDS = {"ge": 0, "allow_inf_nan": False}
# More drivers than any sweep has had.
_SESSIONS = {"ge": 0, "le": 100_000}


def tag_of(run: Run, name: str) -> str:
    value = run.data.tags.get(name)
    if value is None:
        raise InputError(f"Run {run.info.run_id} has no tag {name}, which every run of a sweep carries.")
    return value


def read_tag(run: Run, tag: str, kind: Any, default: Any, **bounds: Any) -> Any:
    """Return what a tag holds as JSON; the default where there is none, or an empty one.

    ``bounds`` are those of a field of pydantic's. Raises InputError where it holds something else, as whoever may write
    to MLflow may write anything there.
    """
    from pydantic import Field, TypeAdapter, ValidationError

    text = run.data.tags.get(tag)
    bounded: Any = Annotated[kind, Field(**bounds)]  # pyright: ignore[reportInvalidTypeForm]
    try:
        return TypeAdapter(bounded).validate_json(text) if text else default
    except ValidationError as error:
        raise InputError(f'Run {run.info.run_id}: tag {tag} is "{text}": {error.errors()[0]["msg"]}.') from None


def read_status(run: Run) -> Status:
    reason = run.data.tags.get(Tag.STATUS_REASON)
    try:
        return status_of(run.info.status, reason)
    except ValueError:
        raise InputError(
            f'Run {run.info.run_id}: tag {Tag.STATUS_REASON} is "{reason}", not {" or ".join(Status)}.'
        ) from None


def seconds_of(summary: Run) -> float | None:
    """Of all sessions of the sweep's drivers; None where one was killed before it could tell."""
    sessions = read_tag(summary, Tag.SESSIONS, int, 0, **_SESSIONS)
    told = [read_tag(summary, session_tag(number), float, None, **SECONDS) for number in range(1, sessions + 1)]
    known = [seconds for seconds in told if seconds]
    return sum(known) if known and len(known) == len(told) else None
