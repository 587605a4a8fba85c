"""How the cases of the suite are registered: functions of a subject, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from unittest import SkipTest

from optimizers.errors import InputError
from optimizers.testing._problems import zeros
from optimizers.testing.optimizer_subject import Subject

Check = Callable[[Subject], None]


@dataclass(frozen=True)
class Registered:
    """A case before it is known what it is run on."""

    name: str
    checks: str
    run: Check
    advisory: bool


REGISTERED: list[Registered] = []


def case(run: Check) -> Check:
    """Register a case; the first line of its docstring says what holds."""
    REGISTERED.append(Registered(run.__name__, (run.__doc__ or "").partition("\n")[0], run, advisory=False))
    return run


def advisory(run: Check) -> Check:
    """Register a case where many sound implementations differ."""
    REGISTERED.append(Registered(run.__name__, (run.__doc__ or "").partition("\n")[0], run, advisory=True))
    return run


def needs_learning_rate(subject: Subject) -> None:
    """Raise SkipTest for an optimizer that has none."""
    if not subject.entry.learning_rates:
        raise SkipTest("it has no learning rate")


def needs_lr_in_groups(subject: Subject) -> None:
    """Raise SkipTest for an optimizer whose groups have no lr, which schedulers of torch need."""
    if any("lr" not in group for group in subject.build(zeros((1,))).param_groups):
        raise SkipTest("its param groups have no lr")


def at_some_rate(subject: Subject, check: Callable[[dict[str, float]], None], share: float = 1.0) -> None:
    """Check with one learning rate after another until it holds; raises what the first did where it never does.

    What a good rate is for a small problem differs from one optimizer to the next, and at others some fail.
    """
    first: Exception | None = None
    for rates in subject.searched_rates(share):
        try:
            check(rates)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - code under test may raise anything
            first = first or error
        else:
            return
    if first is not None:
        raise first
