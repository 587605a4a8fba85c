"""Named cases of a conformance suite, and what came of each."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from optimizers.errors import InputError, one_line

_HERE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Case:
    """One thing that a suite checks.

    Attributes:
        name: In words joined by underscores.
        checks: A sentence about what holds.
        run: Raises AssertionError or InputError, with a sentence that says what is wrong, where it does not hold.
        advisory: What is told of is worth knowing, but many sound implementations differ there.
    """

    name: str
    checks: str
    run: Callable[[], None]
    advisory: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a case: the `problem` in one sentence, None where what it checks holds."""

    case: Case
    problem: str | None
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether something is wrong that is not advisory alone."""
        return self.problem is not None and not self.case.advisory


def run_cases(cases: Iterable[Case]) -> list[Result]:
    """Run cases one after the other, whatever comes of each."""
    results = []
    for case in cases:
        start = time.perf_counter()
        problem = problem_of(case.run)
        results.append(Result(case, problem, time.perf_counter() - start))
    return results


def problem_of(run: Callable[[], object]) -> str | None:
    """Return in one sentence why something failed, with the line where an unforeseen error came from; None if not."""
    try:
        run()
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
