"""The code that a sweep uses, made known to this process while the sweep is checked and resolved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from optimizers import InputError, Problem, raise_any, user_code
from optimizers.user_code import CodeBundle
from search_spaces.schema.sweep_file import SweepFile


def read_code(file: SweepFile, folder: Path) -> tuple[CodeBundle, list[Problem]]:
    """Return the code that lies in ``folder``, and what is wrong with it, in which case it is left out."""
    try:
        return user_code.read_bundle(file.uses, folder), []
    except InputError as error:
        return CodeBundle(), [
            file.problem("uses", file.uses.index(problem.settings[0]), problem.message) for problem in error.problems
        ]


@contextmanager
def code_of(file: SweepFile, code: CodeBundle | None, execute: bool) -> Iterator[None]:
    """Inside, the names of a file are those of ``code``, which is importable from now on where it may be executed.

    Without ``code`` only the names of its modules are known. Raises InputError where it cannot be imported here.
    """
    if not execute:
        with user_code.described_names(file.uses) if code is None else user_code.described(code):
            yield
        return
    try:
        user_code.load(code or CodeBundle())
    except InputError as error:
        raise_any([file.problem("uses", str(error))])
    with nullcontext():
        yield
