"""Named cases of a conformance suite, and what came of each."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from unittest import SkipTest

from optimizers.errors import InputError, one_line

_HERE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Case:
    """One thing that a suite checks.

    Attributes:
        name: In words joined by underscores.
        checks: A sentence about what holds.
        run: Raises AssertionError or InputError, with a sentence that says what is wrong, where it does not hold, and
            SkipTest with the reason where it does not apply.
        advisory: What is told of is worth knowing, but many sound implementations differ there.
        required: The cases after it are not run where it fails: they would fail for the same reason.
    """

    name: str
    checks: str
    run: Callable[[], None]
    advisory: bool = False
    required: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a case: the `problem` in one sentence, or why it does not apply; it holds where both are None."""

    case: Case
    problem: str | None
    seconds: float
    not_applicable: str | None = None

    @property
    def failed(self) -> bool:
        """Whether something is wrong that is not advisory alone."""
        return self.problem is not None and not self.case.advisory


def run_cases(cases: Iterable[Case]) -> list[Result]:
    """Run cases one after the other, whatever comes of each, up to a required one that fails."""
    results = []
    for case in cases:
        result = _run(case)
        results.append(result)
        if case.required and result.failed:
            break
    return results


def _run(case: Case) -> Result:
    start, problem, not_applicable = time.perf_counter(), None, None
    try:
        problem = problem_of(case.run)
    except SkipTest as skipped:
        not_applicable = str(skipped)
    return Result(case, problem, time.perf_counter() - start, not_applicable)


def problem_of(run: Callable[[], object]) -> str | None:
    """Return in one sentence why something failed, with the line where an unforeseen error came from; None if not.

    Raises SkipTest as it is.
    """
    try:
        run()
    except SkipTest:
        raise
    except (AssertionError, InputError) as error:
        return one_line(error)
    except Exception as error:  # noqa: BLE001 - code under test may raise anything
        return told(error)
    return None


def told(error: Exception) -> str:
    """Return an error of code under test in one sentence, with the last line that is neither torch's nor ours."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not Path(one.filename).is_relative_to(_HERE) and "/torch/" not in one.filename]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {one_line(error)}{place}"
