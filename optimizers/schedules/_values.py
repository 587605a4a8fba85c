"""Whether every value that a schedule takes in a trial may be taken by its coefficient."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from optimizers import user_code
from optimizers.domains import DECAY, Real
from optimizers.errors import InputError, one_line
from optimizers.schedules._registered import KINDS, evaluate, get
from optimizers.schedules._schedule import (
    HORIZON,
    Schedule,
    missing_budget_keys,
    need_budget_keys,
    normalise,
    with_budget,
)


def kinds_for(domain: Real) -> list[str]:
    """Return the kinds that suit a coefficient with that domain; of a plugin's kind this is not known."""
    others = {kind.name for kind in KINDS.entries() if kind.decay_only and domain != DECAY}
    return [name for name in KINDS.names() if name not in others]


def check(schedule: Schedule, base: float, owner: str, domain: Real = DECAY) -> None:
    """Check that every value of the schedule for t = 1, 2, ... lies in the coefficient's `domain`.

    A kind is monotone between its breakpoints, so its values next to them bound all others up to HORIZON. One whose
    breakpoints are not known is looked at in every count of its length, and must give the same value when asked again.
    Where a kind is not to be executed its values are not looked at.

    InputError names the owner, the kind, the first bad count and the value there; or says that the kind is made for
    decays only, where `domain` holds more than [0, 1).
    """
    _check(normalise(schedule, owner), base, owner, domain)


def _check(full: Mapping[str, Any], base: float, owner: str, domain: Real) -> None:
    need_budget_keys(full, owner)
    _need_coefficient(base, full, owner, domain)
    _refuse_unsuitable_kind(full, owner, domain)
    if any(get(one["kind"]).formula is None for one in _chain(full)):
        return
    if depends_on_length(full):
        _look_at_all(json.dumps(full), base, owner, domain, user_code.current().digest)
    else:
        _look_at_breakpoints(full, base, owner, domain)


def check_any_length(schedule: Schedule, base: float, owner: str, domain: Real = DECAY) -> None:
    """As `check`, where the length of the trial that a schedule may lack does not matter, as with all kinds of ours.

    Of other schedules without a length no value is looked at.
    """
    full = normalise(schedule, owner)
    if not any(map(missing_budget_keys, _chain(full))):
        _check(full, base, owner, domain)
    elif depends_on_length(full):
        _need_coefficient(base, full, owner, domain)
    else:
        _check(with_budget(full, steps=HORIZON, epochs=HORIZON, owner=owner), base, owner, domain)


def depends_on_length(full: Mapping[str, Any]) -> bool:
    """Whether the values of a normalised schedule are known for a trial of known length alone."""
    return any(get(one["kind"]).breakpoints is None for one in _chain(full))


def _chain(full: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schedule, and those inside it."""
    yield full
    if get(full["kind"]).nested:
        yield from _chain(full["then"])


def _need_coefficient(base: float, full: Mapping[str, Any], owner: str, domain: Real) -> None:
    if not domain.holds(base):
        raise InputError(f"{owner} ({full['kind']}): the coefficient itself must be {domain.interval()}, got {base!r}.")


def _refuse_unsuitable_kind(full: Mapping[str, Any], owner: str, domain: Real) -> None:
    for one in _chain(full):
        if get(one["kind"]).decay_only and domain != DECAY:
            others = ", ".join(kinds_for(domain))
            raise InputError(f"{owner}: {one['kind']} is a schedule of decays in [0, 1); use one of {others}.")


def _look_at_breakpoints(full: Mapping[str, Any], base: float, owner: str, domain: Real) -> None:
    def good(t: int) -> bool:
        return domain.holds(evaluate(full, base, t))

    last_good = 0
    for t in _probes(full):
        if not good(t):
            first = _first_bad(good, last_good, t)
            raise _bad(evaluate(full, base, first), full, first, owner, domain)
        last_good = t


@lru_cache(maxsize=4096)
def _look_at_all(schedule: str, base: float, owner: str, domain: Real, digest: str) -> None:
    """Look at every count of a schedule, given as JSON, once for each that is found good; ``digest`` is of its code."""
    full = normalise(json.loads(schedule), owner)
    last = _length(full)
    values: list[float] = []
    for t in range(1, last + 1):
        values.append(_value(full, base, t, owner))
        if not domain.holds(values[-1]):
            raise _bad(values[-1], full, t, owner, domain)
    for t in (last, (last + 1) // 2, 1):
        again = _value(full, base, t, owner)
        if again != values[t - 1]:
            raise InputError(
                f"{owner} ({full['kind']}) gives {values[t - 1]!r} at {full['unit']} {t}, and {again!r} when asked "
                "again; a schedule may depend on its arguments alone, so that a trial can be resumed and repeated."
            )


def _length(full: Mapping[str, Any]) -> int:
    """The last count at which the schedule changes."""
    kind = get(full["kind"])
    if kind.nested and get(full["then"]["kind"]).breakpoints is None:
        return math.ceil(full["steps"] + _length(full["then"]))
    return math.ceil(full["total"])


def _value(full: Mapping[str, Any], base: float, t: int, owner: str) -> float:
    """The value at a count. InputError where the function does not give one."""
    try:
        return evaluate(full, base, t)
    except InputError as error:
        raise InputError(f"{owner} ({full['kind']}) {error} at {full['unit']} {t}.") from None
    except Exception as error:
        place = user_code.place_of(error.__traceback__)
        raise InputError(
            f"{f'{place}: ' if place else ''}{owner} ({full['kind']}) fails at {full['unit']} {t} "
            f"({type(error).__name__}: {one_line(error)})."
        ) from error


def _bad(value: float, full: Mapping[str, Any], t: int, owner: str, domain: Real) -> InputError:
    must = f"be {domain.interval()}" if domain.interval() else "be a finite number"
    return InputError(f"{owner} ({full['kind']}) gives {value!r} at {full['unit']} {t}; every value must {must}.")


def _probes(full: Mapping[str, Any]) -> list[int]:
    """The counts at which to look: both ends of the domain and the neighbours of every breakpoint."""
    breakpoints = get(full["kind"]).breakpoints
    points = breakpoints(full) if breakpoints else []
    near = (math.floor(point) + offset for point, offset in itertools.product(points, (-1, 0, 1, 2)))
    return sorted(t for t in {1, HORIZON, *near} if 1 <= t <= HORIZON)


def _first_bad(good: Callable[[int], bool], last_good: int, bad: int) -> int:
    """Bisect the monotone stretch between a good count and a bad one."""
    while bad - last_good > 1:
        middle = (last_good + bad) // 2
        if good(middle):
            last_good = middle
        else:
            bad = middle
    return bad
