"""MLflow's errors: which of them pass, which stay, and how they are told."""

from __future__ import annotations

from requests import HTTPError

from optimizers.errors import one_line
from search_spaces.stores.addresses import without_password
from search_spaces.stores.databases import is_of_the_connection

# MLflow's error codes for a server or a database that is away, busy or broken. All others are answers that stay the
# same when the call is repeated.
_PASSING = (
    "INTERNAL_ERROR",
    "TEMPORARILY_UNAVAILABLE",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "DEADLINE_EXCEEDED",
    "CANCELLED",
    "ABORTED",
)
_PASSING_STATUS = (408, 425, 429)
# Of a file that is to be logged, or of an artifact folder.
_LASTING_OF_FILES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
_LONGEST_REASON = 300


def is_lasting(error: Exception) -> bool:
    """Return whether an error is a refusal that the same call would meet again, and no absence of the server."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return error.error_code not in _PASSING and not is_of_the_connection(error.__cause__)
    if isinstance(error, HTTPError) and error.response is not None:  # of an artifact
        status = error.response.status_code
        return 400 <= status < 500 and status not in _PASSING_STATUS
    return isinstance(error, _LASTING_OF_FILES)


def is_absent(error: Exception) -> bool:
    """Return whether an error says that what was asked for is not there."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) and error.error_code == "RESOURCE_DOES_NOT_EXIST"


def root(error: BaseException) -> BaseException:
    """Return the error that an error began with, such as the system's for a server that does not answer."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def reason(error: BaseException) -> str:
    """Return an error's message in one line, without passwords."""
    return without_password(one_line(error))[:_LONGEST_REASON]
