"""Schedules against hand-computed values and the closed forms of their papers; defaults and budgets."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from optimizers import InputError, schedules

FULL: dict[str, dict[str, Any]] = {
    "constant": {"kind": "constant"},
    "exponential_decay": {"kind": "exponential_decay", "tau": 50, "floor": 0.2},
    "theory_decay": {"kind": "theory_decay", "lam": 0.99},
    "linear": {"kind": "linear", "to": 0.99, "start": 10, "stop": 90},
    "cosine": {"kind": "cosine", "to": 0.0, "start": 10, "stop": 90},
    "piecewise": {"kind": "piecewise", "milestones": [10, 40], "values": [0.5, 0.95]},
    "polynomial": {"kind": "polynomial", "c": 0.8},
    "inverse_time": {"kind": "inverse_time"},
    "demon": {"kind": "demon", "total": 100},
    "half_life": {"kind": "half_life", "start": 0.5, "total": 100},
    "nadam": {"kind": "nadam", "psi": 0.004},
    "warmup": {"kind": "warmup", "start": 0.1, "steps": 20, "then": {"kind": "demon", "total": 80}},
    "cyclic": {"kind": "cyclic", "low": 0.8, "period": 20, "shape": "cosine"},
}


@pytest.mark.parametrize(
    ("schedule", "base", "expected"),
    [
        ("constant", 0.9, {1: 0.9, 10**6: 0.9}),
        (None, 0.9, {1: 0.9, 10**6: 0.9}),
        ("exponential_decay", 0.9, {1: 0.9 / math.e, 2: 0.9 / math.e**2, 50: 0.9 * math.exp(-50)}),
        (
            {"kind": "exponential_decay", "tau": 10, "floor": 0.25},
            0.5,
            {10: 0.25, 5: 0.5 * math.e**-0.5, 99: 0.25},
        ),
        (
            "theory_decay",
            0.9,
            {1: 0.9, 2: 0.9 * (1 - 1e-8), 10**6: 0.9 * math.exp(999_999 * math.log(1 - 1e-8))},
        ),
        ({"kind": "theory_decay", "lam": 0.5}, 0.8, {1: 0.8, 2: 0.4, 4: 0.1}),
        ({"kind": "linear", "to": 0.5, "stop": 100}, 0.9, {1: 0.896, 25: 0.8, 50: 0.7, 100: 0.5, 5000: 0.5}),
        ({"kind": "linear", "to": 0.5, "start": 10, "stop": 20}, 0.9, {1: 0.9, 10: 0.9, 15: 0.7, 20: 0.5}),
        (
            {"kind": "cosine", "to": 0.5, "stop": 100},
            0.9,
            {50: 0.7, 100: 0.5, 25: 0.7 + 0.2 * math.sqrt(0.5)},
        ),
        (
            {"kind": "piecewise", "milestones": [10, 20], "values": [0.5, 0.99]},
            0.9,
            {1: 0.9, 9: 0.9, 10: 0.5, 19: 0.5, 20: 0.99, 10**6: 0.99},
        ),
        ("polynomial", 0.999, {1: 0.0, 32: 1 - 1 / 16, 1024: 1 - 1 / 256}),
        ({"kind": "polynomial", "c": 0.5}, 0.999, {4: 0.5, 100: 0.9}),
        ("inverse_time", 0.999, {1: 0.0, 2: 0.5, 10: 0.9}),
        (
            {"kind": "demon", "total": 100},
            0.9,
            {50: 0.45 / 0.55, 90: 0.09 / 0.19, 100: 0.0, 101: 0.0, 10**6: 0.0},
        ),
        ({"kind": "half_life", "start": 0.5, "total": 100}, 0.5, {1: 0.5, 70: 0.5}),
        ({"kind": "half_life", "start": 0.25, "total": 100}, 0.5, {50: 2 ** -(4 / 3), 100: 0.5, 400: 0.5}),
        ("nadam", 0.9, {1: 0.9 * (1 - 0.5 * 0.96**0.004), 250: 0.9 * (1 - 0.48), 500: 0.9 * (1 - 0.4608)}),
        ({"kind": "warmup", "start": 0.1, "steps": 4}, 0.9, {1: 0.3, 2: 0.5, 4: 0.9, 5: 0.9, 10**6: 0.9}),
        (
            {"kind": "warmup", "start": 0.1, "steps": 4, "then": {"kind": "linear", "to": 0.5, "stop": 10}},
            0.9,
            {4: 0.9, 5: 0.86, 9: 0.7, 14: 0.5, 99: 0.5},
        ),
        ({"kind": "cyclic", "low": 0.5, "period": 8}, 0.9, {1: 0.8, 2: 0.7, 4: 0.5, 6: 0.7, 8: 0.9, 10: 0.7}),
        (
            {"kind": "cyclic", "low": 0.5, "period": 8, "shape": "cosine"},
            0.9,
            {1: 0.7 + 0.2 * math.sqrt(0.5), 2: 0.7, 4: 0.5, 8: 0.9, 12: 0.5},
        ),
    ],
)
def test_values(schedule: schedules.Schedule, base: float, expected: dict[int, float]) -> None:
    computed = {t: schedules.value(schedule, base, t) for t in expected}
    assert computed == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_demon_is_a_linear_fall_of_the_geometric_sum() -> None:
    # Demon lets b / (1 - b), the total weight of past gradients, fall linearly to 0.
    for t in range(1, 101):
        b = schedules.value({"kind": "demon", "total": 100}, 0.9, t)
        assert b / (1 - b) == pytest.approx(9 * (1 - t / 100), abs=1e-12)


def test_half_life_rises_linearly() -> None:
    def half_life(b: float) -> float:
        return math.log(0.5) / math.log(b)

    schedule = {"kind": "half_life", "start": 0.9, "total": 1000}
    curve = [half_life(schedules.value(schedule, 0.9999, t)) for t in range(1, 1001)]
    assert np.diff(curve) == pytest.approx((half_life(0.9999) - half_life(0.9)) / 1000, rel=1e-6)


def test_every_kind_is_covered_here() -> None:
    assert set(FULL) == set(schedules.names())


@pytest.mark.parametrize("kind", FULL)
def test_normal_form_is_complete_plain_and_stable(kind: str) -> None:
    full = schedules.normalise(FULL[kind], "beta1_schedule")
    assert full["unit"] == "step"
    assert set(full) == {"kind", "unit", *schedules.get(kind).keys}
    assert json.loads(json.dumps(full)) == full
    assert schedules.normalise(full, "beta1_schedule") == full


@pytest.mark.parametrize("kind", FULL)
def test_monotone_between_breakpoints(kind: str) -> None:
    full = schedules.normalise(FULL[kind])
    # A cycle repeats itself: its breakpoints are those of the first one.
    stop = 20 if kind == "cyclic" else 300
    curve = np.array([schedules.value(full, 0.9, t) for t in range(1, stop + 1)])
    breakpoints = schedules.get(kind).breakpoints
    assert breakpoints is not None
    inner = [math.floor(b) for b in breakpoints(full) if b < stop]
    for piece in np.split(curve, inner):
        steps = np.diff(piece)
        assert (steps >= -1e-15).all() or (steps <= 1e-15).all()


def test_shorthand_and_defaults() -> None:
    assert schedules.normalise("exponential_decay") == {
        "kind": "exponential_decay",
        "unit": "step",
        "tau": 1.0,
        "floor": 0.0,
    }
    assert schedules.normalise(None) == schedules.normalise("constant") == {"kind": "constant", "unit": "step"}
    assert schedules.normalise({"kind": "warmup", "start": 0, "steps": 5, "unit": "epoch"})["then"] == {
        "kind": "constant",
        "unit": "epoch",
    }


def test_normalise_leaves_its_argument_alone() -> None:
    given_schedule = {"kind": "warmup", "start": 0, "steps": 5, "then": {"kind": "linear", "to": 0.5}}
    before = json.dumps(given_schedule)
    schedules.with_budget(given_schedule, steps=100, epochs=2)
    assert json.dumps(given_schedule) == before


@pytest.mark.parametrize("kind", ["linear", "cosine", "demon", "half_life"])
def test_budget_fills_the_length_in_the_schedules_unit(kind: str) -> None:
    others = {key: 0.5 for key in ("to", "start") if key in schedules.get(kind).keys}
    length = "stop" if kind in ("linear", "cosine") else "total"
    bare = {"kind": kind, **others}
    assert schedules.with_budget(bare, steps=500, epochs=7)[length] == 500
    assert schedules.with_budget({**bare, "unit": "epoch"}, steps=500, epochs=7)[length] == 7
    assert schedules.with_budget({**bare, length: 80}, steps=500, epochs=7)[length] == 80
    for use in (lambda s: schedules.value(s, 0.9, 1), lambda s: schedules.check(s, 0.9, "schedule")):
        with pytest.raises(InputError, match=rf"schedule \({kind}\) needs {length}: the count"):
            use(bare)


def test_budget_of_a_nested_schedule_is_what_the_warm_up_leaves() -> None:
    warm = {"kind": "warmup", "start": 0.1, "steps": 20, "then": "demon"}
    full = schedules.with_budget(warm, steps=100, epochs=3)
    assert full["then"]["total"] == 80
    assert schedules.value(full, 0.9, 99) > 0
    assert schedules.value(full, 0.9, 100) == 0
    with pytest.raises(InputError, match=r"then \(demon\) needs total"):
        schedules.check(warm, 0.9, "beta1_schedule")
    with pytest.raises(InputError, match=r"then \(demon\) has no time left: the warm-up takes the whole trial"):
        schedules.with_budget(warm, steps=20, epochs=3)
    with pytest.raises(InputError, match="length of the trial in steps must be a whole number >= 1, got 0"):
        schedules.with_budget(warm, steps=0, epochs=3)


def test_counts_begin_at_one() -> None:
    with pytest.raises(InputError, match="counts from t = 1, got t = 0"):
        schedules.value("inverse_time", 0.9, 0)
