"""All cases of the suite, as a list and as a class for pytest."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from optimizers.testing import (
    _gradient_cases,
    _learning_cases,
    _parameter_cases,
    _precision_cases,
    _side_effect_cases,
    _state_cases,
)
from optimizers.testing._case_registry import REGISTERED, Registered
from optimizers.testing.optimizer_subject import Made, Subject, subject_of
from optimizers.testing.runner import Case, problem_of

# In the order in which they are told.
_MODULES = (*(_learning_cases, _state_cases, _gradient_cases, _parameter_cases, _precision_cases, _side_effect_cases),)
_ORDER = {module.__name__: number for number, module in enumerate(_MODULES)}
_CASES = sorted(REGISTERED, key=lambda one: _ORDER[one.run.__module__])


def cases(made: Made, settings: Mapping[str, Any] | None = None, *, guarded: bool = True) -> list[Case]:
    """Return every case of the suite for an optimizer.

    Args:
        made: A registered name, "module:Class", an `OptimizerEntry`, or a class or function.
        settings: Its hyperparameters; others are at their defaults.
        guarded: Built as for training here, where float32 state, untouched gradients and exact checkpoints are seen to
            for every class; False for what the class does by itself.

    InputError: it is not an optimizer, or cannot have these settings.
    """
    subject = subject_of(made, settings, guarded=guarded)
    subject.entry.check(subject.settings)
    return [Case(one.name, one.checks, partial(one.run, subject), one.advisory) for one in _CASES]


class OptimizerSuite:
    """The suite for pytest: subclass it, name the optimizer, and every case is a test.

        class TestMine(OptimizerSuite):
            optimizer = MyAdam
            settings = {"beta": 0.95}

    Attributes:
        optimizer: As `cases` takes it.
        settings: Its hyperparameters.
        guarded: As for `cases`.
        exceptions: Cases that do not hold, by their names, each with the reason; one that holds after all is a failure.
            What is advisory is told as an expected failure.
    """

    optimizer: ClassVar[Made]
    settings: ClassVar[Mapping[str, Any]] = {}
    guarded: ClassVar[bool] = True
    exceptions: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def subject(cls) -> Subject:
        """Return what the cases are run on."""
        made = inspect.getattr_static(cls, "optimizer")  # a function would be bound
        return subject_of(made, cls.settings, guarded=cls.guarded)

    def check(self, one: Registered) -> None:
        """Run a case; AssertionError where it does not hold, unless it is an exception or advisory."""
        problem = problem_of(partial(one.run, self.subject()))
        if one.name in self.exceptions:
            assert problem is not None, f"{one.name} holds: take it out of the exceptions"
        elif problem is not None and one.advisory:
            import pytest

            pytest.xfail(problem)
        else:
            assert problem is None, problem


def _tests() -> Iterator[tuple[str, Callable[[OptimizerSuite], None]]]:
    for one in _CASES:

        def test(self: OptimizerSuite, one: Registered = one) -> None:
            self.check(one)

        test.__doc__ = one.checks
        yield f"test_{one.name}", test


for _name, _test in _tests():
    setattr(OptimizerSuite, _name, _test)
