"""The conformance suite for pytest: a class to derive from, with a test for each case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from optimizers.testing.runner import problem_of
from trainables.testing.tested_workload import Made, Subject
from trainables.testing.workload_cases import CHECKS, Check, sentence_of


class WorkloadSuite:
    """What a workload must keep for a sweep to mean anything.

    ::

        class TestWine(WorkloadSuite):
            workload = Wine
            options = {"width": 8}

    Attributes:
        workload: A class, an entry or a name.
        options: Its options; others are at their defaults.
        data_root: The data folder; $ADAMANT_DATA if left out.
        exceptions: Cases that do not hold, by their names, each with the reason; one that holds after all is a failure.
    """

    workload: ClassVar[Made]
    options: ClassVar[Mapping[str, Any]] = {}
    data_root: ClassVar[Path | None] = None
    exceptions: ClassVar[Mapping[str, str]] = {}
    _subject: ClassVar[Subject | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._subject = None

    @classmethod
    def subject(cls) -> Subject:
        """Return what is tested, made once, as its data is read once."""
        if cls._subject is None:
            cls._subject = Subject(cls.workload, cls.options, cls.data_root)
        return cls._subject


def _as_test(name: str, check: Check) -> Callable[[WorkloadSuite], None]:
    def test(self: WorkloadSuite) -> None:
        problem = problem_of(lambda: check(self.subject()))
        if name in self.exceptions:
            assert problem is not None, f"{name} holds: take it out of the exceptions"
        else:
            assert problem is None, problem

    test.__name__ = test.__qualname__ = f"test_{name}"
    test.__doc__ = sentence_of(check)
    return test


for _name, _check in CHECKS.items():
    setattr(WorkloadSuite, f"test_{_name}", _as_test(_name, _check))
