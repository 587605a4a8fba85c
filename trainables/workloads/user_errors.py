"""What a user's code raises, as one sentence with the line of their file."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePath
from typing import Any

from optimizers import InputError
from optimizers.errors import one_line


def place_of(workload: object, method: str) -> str:
    """Return where a method is defined: "my_workload.py:12: Wine.loss"."""
    code = _code_of(type(workload), method)
    return f"{code.co_filename}:{code.co_firstlineno}: {type(workload).__name__}.{method}"


def errors_of_method(cls: type, method: str) -> AbstractContextManager[None]:
    """As :func:`user_errors`, of what a method of a user's class does inside."""
    return user_errors(f"{cls.__name__}.{method}", str(PurePath(_code_of(cls, method).co_filename).parent))


@contextmanager
def user_errors(what: str, folder: str) -> Iterator[None]:
    """Raise InputError for whatever is raised inside, with the last line of a file of that folder that it came from.

    Errors that are input errors already go through, and a lack of memory, which is none of the code.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        frames = [
            one for one in traceback.extract_tb(error.__traceback__) if folder and one.filename.startswith(folder)
        ]
        where = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
        raise InputError(f"{where}{what} failed: {type(error).__name__}: {one_line(error)}") from error


def _code_of(cls: type, method: str) -> Any:
    found: Any = getattr(cls, method)
    return found.__code__
