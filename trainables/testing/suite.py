"""The conformance suite for pytest: a class to derive from, with a test for each case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from trainables.testing.subject import Made, Subject
from trainables.testing.workload_cases import CHECKS, Check, sentence_of


class WorkloadSuite:
    """What a workload must keep for a sweep to mean anything.

    ::

        class TestWine(WorkloadSuite):
            workload = Wine
            options = {"width": 8}

    A case that cannot hold of a workload is left out by ``test_two_workers_train_as_one = None``.

    Attributes:
        workload: A class, an entry or a name.
        options: Its options; others are at their defaults.
        data_root: The data folder; $ADAMANT_DATA if left out.
    """

    workload: ClassVar[Made]
    options: ClassVar[Mapping[str, Any]] = {}
    data_root: ClassVar[Path | None] = None
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
        check(self.subject())

    test.__name__ = test.__qualname__ = f"test_{name}"
    test.__doc__ = sentence_of(check)
    return test


for _name, _check in CHECKS.items():
    setattr(WorkloadSuite, f"test_{_name}", _as_test(_name, _check))
