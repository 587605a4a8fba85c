"""What a user's class raises, as one sentence with the line of their file."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

from optimizers import InputError
from optimizers.errors import one_line


def place_of(workload: object, method: str) -> str:
    """Return where a method is defined: "my_workload.py:12: Wine.loss"."""
    found: Any = getattr(type(workload), method)
    code = found.__code__
    return f"{code.co_filename}:{code.co_firstlineno}: {type(workload).__name__}.{method}"


@contextmanager
def user_errors(workload: type, method: str) -> Iterator[None]:
    """Raise InputError, naming the line of the user's file, for whatever a method of a workload raises inside.

    Errors that say nothing of the code, such as a lack of memory, and those that are input errors go through.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        defined: Any = getattr(workload, method)
        folder = str(PurePath(defined.__code__.co_filename).parent)
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folder)]
        where = f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
        name = f"{workload.__name__}.{method}"
        raise InputError(f"{where}{name} failed: {type(error).__name__}: {one_line(error)}") from error
