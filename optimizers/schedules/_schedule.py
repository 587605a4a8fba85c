"""Schedules of the coefficients beta: plain dicts, evaluated by one pure function.

A schedule is `{"kind": ..., "unit": "step" | "epoch", ...}` with the keys of its kind (`KINDS`). It holds no
objects, so that it lives in a param group and passes through `torch.load(weights_only=True)`. The bare
string "demon" is short for `{"kind": "demon"}`; None means constant. A kind may be "module:function", a
function of a user's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers import user_code
from optimizers.domains import DECAY, Integer, Plain
from optimizers.errors import InputError, did_you_mean
from optimizers.schedules._kind import Key, Kind, Need
from optimizers.schedules._registered import KINDS, evaluate, get

HORIZON = 10_000_000
"""The last count of the domain over which a schedule is checked."""

UNITS = ("step", "epoch")

Schedule = Mapping[str, Any] | str | None


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
    full: dict[str, Any] = {"kind": kind_name, "unit": _unit(given, kind, owner)}
    for name, key in kind.keys.items():
        if name in given or key.default is not Need.BUDGET:
            full[name] = key.domain.check(_given_or_default(given, name, key, owner), f"{owner}: {name}")
    if kind.nested:
        full["then"] = _normalise_then(full["then"], full["unit"], owner)
    if kind.open_ended:
        further = (name for name in given if name not in ("kind", "unit") and name not in kind.keys)
        full |= {name: Plain().check(given[name], f"{owner}: {name}") for name in further}
    wrong = kind.together(full)
    if wrong:
        raise InputError(f"{owner}: {wrong}.")
    return full


def value(schedule: Schedule, base: float, t: float) -> float:
    """Return the coefficient at count `t` (1, 2, ... in the schedule's own unit).

    `base` is the coefficient's own value, for example `betas[0]`. `schedule` is anything `normalise` takes.
    InputError: a schedule that is not valid, one that still lacks its `stop` or `total`, a base outside
    [0, 1), t < 1.
    """
    full = normalise(schedule)
    need_budget_keys(full, "schedule")
    if not DECAY.holds(base):
        raise InputError(f"schedule ({full['kind']}): the coefficient itself must be {DECAY.interval()}, got {base!r}.")
    if t < 1:
        raise InputError(f"A schedule counts from t = 1, got t = {t!r}.")
    return evaluate(full, base, t)


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
    missing = missing_budget_keys(full)
    if missing and budget <= 0:
        raise InputError(f"{owner} ({full['kind']}) has no time left: the warm-up takes the whole trial.")
    filled = {**full, **dict.fromkeys(missing, float(budget))}
    if get(full["kind"]).nested:
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
    if not user_code.is_own(name) and name not in KINDS and not KINDS.is_claimed(name):
        raise InputError(f"{owner} has the unknown kind {name!r}.{KINDS.nearest(name)}")
    try:
        return get(name)
    except InputError as error:
        raise InputError(f"{owner}: {error}") from error


def _unit(given: Mapping[str, Any], kind: Kind, owner: str) -> str:
    unit = given.get("unit", kind.unit or "step")
    if unit not in UNITS:
        raise InputError(f"{owner}: unit must be step or epoch, got {unit!r}.{did_you_mean(unit, UNITS)}")
    if kind.unit is not None and unit != kind.unit:
        raise InputError(f"{owner}: the function takes {kind.unit}, so its unit is {kind.unit}, got {unit!r}.")
    return unit


def _refuse_unknown_keys(given: Mapping[str, Any], kind: Kind, owner: str) -> None:
    for name in given:
        if name not in ("kind", "unit") and name not in kind.keys and not kind.open_ended:
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


def missing_budget_keys(full: Mapping[str, Any]) -> list[str]:
    """Return the keys that are absent and that a trial's budget fills."""
    keys = get(full["kind"]).keys
    return [name for name, key in keys.items() if key.default is Need.BUDGET and name not in full]


def need_budget_keys(full: Mapping[str, Any], owner: str) -> None:
    """Raise InputError where such a key is absent, here or in a schedule inside."""
    for name in missing_budget_keys(full):
        description = get(full["kind"]).keys[name].description
        raise InputError(f"{owner} ({full['kind']}) needs {name}: {description}.")
    if get(full["kind"]).nested:
        need_budget_keys(full["then"], f"{owner}: then")
