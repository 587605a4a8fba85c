"""Schedules of the coefficients beta: plain dicts, evaluated by one pure function.

A schedule is `{"kind": ..., "unit": "step" | "epoch", ...}` with the keys of its kind (`KINDS`). It holds no
objects, so that it lives in a param group and passes through `torch.load(weights_only=True)`. The bare
string "demon" is short for `{"kind": "demon"}`; None means constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from optimizers.domains import DECAY, Integer, Real
from optimizers.errors import InputError, did_you_mean
from optimizers.schedules._kinds import KINDS, Key, Kind, Need

HORIZON = 10_000_000
"""The last count of the domain over which a schedule is checked."""

UNITS = ("step", "epoch")

Schedule = Mapping[str, Any] | str | None


def register(kind: Kind) -> None:
    """Let sweeps and optimizers name a kind of schedule, which is then checked, evaluated and listed as ours are.

    Its formula is called in every step of every process that trains. InputError: the name is taken.
    """
    KINDS.register(kind)


def names() -> tuple[str, ...]:
    """Return the names of all kinds."""
    return KINDS.names()


def get(name: str) -> Kind:
    """Return the kind of that name; InputError with the nearest name when there is none."""
    return KINDS.get(name)


def normalise(schedule: Schedule, owner: str = "schedule") -> dict[str, Any]:
    """Return the schedule as a new, full dict: kind, unit and every key with its default filled in.

    Keys that a trial's budget may fill (`stop`, `total`) stay absent when they are not given. `owner` names
    the schedule in errors, for example "beta1_schedule". InputError: unknown kind, key or unit, a missing
    key, a value outside its range.
    """
    given = _as_mapping(schedule, owner)
    kind_name = given.get("kind")
    kind = _kind(kind_name, owner)
    owner = f"{owner} ({kind_name})"
    _refuse_unknown_keys(given, kind, owner)
    full: dict[str, Any] = {"kind": kind_name, "unit": _unit(given, owner)}
    for name, key in kind.keys.items():
        if name in given or key.default is not Need.BUDGET:
            full[name] = key.domain.check(_given_or_default(given, name, key, owner), f"{owner}: {name}")
    if "then" in full:
        full["then"] = _normalise_then(full["then"], full["unit"], owner)
    _check_together(full, owner)
    return full


def value(schedule: Schedule, base: float, t: float) -> float:
    """Return the coefficient at count `t` (1, 2, ... in the schedule's own unit).

    `base` is the coefficient's own value, for example `betas[0]`. `schedule` is anything `normalise` takes.
    InputError: a schedule that is not valid, one that still lacks its `stop` or `total`, a base outside
    [0, 1), t < 1.
    """
    full = normalise(schedule)
    _need_budget_keys(full, "schedule")
    _need_coefficient(base, full, "schedule", DECAY)
    if t < 1:
        raise InputError(f"A schedule counts from t = 1, got t = {t!r}.")
    return evaluate(full, base, t)


def evaluate(full: Mapping[str, Any], base: float, t: float) -> float:
    """`value` for a schedule that has passed `check`: no questions asked, for the training loop."""
    return KINDS.get(full["kind"]).formula(base, t, full)


def kinds_for(domain: Real) -> list[str]:
    """The kinds that suit a coefficient with that domain."""
    return [kind.name for kind in KINDS.entries() if domain == DECAY or not kind.decay_only]


def check(schedule: Schedule, base: float, owner: str, domain: Real = DECAY) -> None:
    """Check that every value of the schedule for t = 1 ... HORIZON lies in the coefficient's `domain`.

    A kind is monotone between its breakpoints, so its values next to them bound all others. InputError names
    the owner, the kind, the first bad count and the value there; or says that the kind is made for decays only,
    where `domain` holds more than [0, 1).
    """
    full = normalise(schedule, owner)
    _need_budget_keys(full, owner)
    _need_coefficient(base, full, owner, domain)
    _refuse_unsuitable_kind(full, owner, domain)

    def good(t: int) -> bool:
        return domain.holds(evaluate(full, base, t))

    last_good = 0
    for t in _probes(full):
        if not good(t):
            first = _first_bad(good, last_good, t)
            raise InputError(
                f"{owner} ({full['kind']}) gives {evaluate(full, base, first)!r} at {full['unit']} {first}; "
                f"every value must be {domain.interval()}."
            )
        last_good = t


def with_budget(schedule: Schedule, *, steps: int, epochs: int, owner: str = "schedule") -> dict[str, Any]:
    """Return the normalised schedule with a missing `stop` or `total` set to the length of the trial.

    The length is in the schedule's own unit: `steps` or `epochs`. What follows a warm-up counts from its end,
    so it gets what the warm-up leaves, and ends with the trial. InputError: as `normalise`, or a warm-up that
    leaves nothing to a schedule that needs a length.
    """
    full = normalise(schedule, owner)
    length = steps if full["unit"] == "step" else epochs
    return _filled(full, Integer(1).check(length, f"the length of the trial in {full['unit']}s"), owner)


def _filled(full: dict[str, Any], budget: float, owner: str) -> dict[str, Any]:
    missing = _missing_budget_keys(full)
    if missing and budget <= 0:
        raise InputError(f"{owner} ({full['kind']}) has no time left: the warm-up takes the whole trial.")
    filled = {**full, **dict.fromkeys(missing, float(budget))}
    if "then" in full:
        filled["then"] = _filled(full["then"], budget - full["steps"], f"{owner} ({full['kind']}): then")
    return normalise(filled, owner)


def _as_mapping(schedule: Schedule, owner: str) -> Mapping[str, Any]:
    if schedule is None:
        return {"kind": "constant"}
    if isinstance(schedule, str):
        return {"kind": schedule}
    if isinstance(schedule, Mapping):
        return schedule
    raise InputError(f"{owner} must be the name of a schedule or a mapping with a kind, got {schedule!r}.")


def _kind(name: Any, owner: str) -> Kind:
    if name is None:
        raise InputError(f"{owner} needs a kind: {', '.join(KINDS.names())}.")
    if name not in KINDS:
        raise InputError(f"{owner} has the unknown kind {name!r}.{KINDS.nearest(name)}")
    return KINDS.get(name)


def _unit(given: Mapping[str, Any], owner: str) -> str:
    unit = given.get("unit", "step")
    if unit not in UNITS:
        raise InputError(f"{owner}: unit must be step or epoch, got {unit!r}.{did_you_mean(unit, UNITS)}")
    return unit


def _refuse_unknown_keys(given: Mapping[str, Any], kind: Kind, owner: str) -> None:
    for name in given:
        if name not in ("kind", "unit") and name not in kind.keys:
            known = ", ".join(["unit", *kind.keys])
            hint = did_you_mean(name, ("unit", *kind.keys))
            raise InputError(f"{owner} has no key {name!r}; its keys are {known}.{hint}")


def _given_or_default(given: Mapping[str, Any], name: str, key: Key, owner: str) -> Any:
    value = given.get(name, key.default)
    if value is Need.REQUIRED:
        raise InputError(f"{owner} needs {name}: {key.description}.")
    return value


def _normalise_then(then: Schedule, unit: str, owner: str) -> dict[str, Any]:
    full = normalise({"unit": unit, **_as_mapping(then, f"{owner}: then")}, f"{owner}: then")
    if full["unit"] != unit:
        raise InputError(f"{owner}: then counts in the unit of its warm-up, {unit}, got {full['unit']!r}.")
    return full


def _check_together(full: Mapping[str, Any], owner: str) -> None:
    if "stop" in full and full["stop"] <= full["start"]:
        raise InputError(f"{owner}: stop must be above start, got {full['start']:g} to {full['stop']:g}.")
    if "milestones" in full and len(full["milestones"]) != len(full["values"]):
        raise InputError(
            f"{owner} needs one value for each milestone, got {len(full['values'])} values "
            f"for {len(full['milestones'])} milestones."
        )


def _missing_budget_keys(full: Mapping[str, Any]) -> list[str]:
    keys = KINDS.get(full["kind"]).keys
    return [name for name, key in keys.items() if key.default is Need.BUDGET and name not in full]


def _need_budget_keys(full: Mapping[str, Any], owner: str) -> None:
    for name in _missing_budget_keys(full):
        description = KINDS.get(full["kind"]).keys[name].description
        raise InputError(f"{owner} ({full['kind']}) needs {name}: {description}.")
    if "then" in full:
        _need_budget_keys(full["then"], f"{owner}: then")


def _need_coefficient(base: float, full: Mapping[str, Any], owner: str, domain: Real) -> None:
    if not domain.holds(base):
        raise InputError(f"{owner} ({full['kind']}): the coefficient itself must be {domain.interval()}, got {base!r}.")


def _refuse_unsuitable_kind(full: Mapping[str, Any], owner: str, domain: Real) -> None:
    if full["kind"] not in kinds_for(domain):
        others = ", ".join(kinds_for(domain))
        raise InputError(f"{owner}: {full['kind']} is a schedule of decays in [0, 1); use one of {others}.")
    if "then" in full:
        _refuse_unsuitable_kind(full["then"], f"{owner}: then", domain)


def _probes(full: Mapping[str, Any]) -> list[int]:
    """The counts at which to look: both ends of the domain and the neighbours of every breakpoint."""
    ends = {1, HORIZON}
    near = {
        math.floor(point) + offset for point in KINDS.get(full["kind"]).breakpoints(full) for offset in (-1, 0, 1, 2)
    }
    return sorted(t for t in ends | near if 1 <= t <= HORIZON)


def _first_bad(good: Callable[[int], bool], last_good: int, bad: int) -> int:
    """Bisect the monotone stretch between a good count and a bad one."""
    while bad - last_good > 1:
        middle = (last_good + bad) // 2
        if good(middle):
            last_good = middle
        else:
            bad = middle
    return bad
