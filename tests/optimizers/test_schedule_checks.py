"""Schedules that are refused: malformed ones, and those that leave [0, 1) at some step."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers import InputError, schedules


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("demn", r"beta1_schedule has the unknown kind 'demn'\. Did you mean \"demon\"\?"),
        ({"kind": 3}, "unknown kind 3"),
        ({"unit": "step"}, "beta1_schedule needs a kind: constant, exponential_decay"),
        ({}, "beta1_schedule needs a kind"),
        (0.9, r"beta1_schedule must be the name of a schedule or a mapping with a kind, got 0\.9"),
        ({"kind": "exponential_decay", "tua": 1}, r"has no key 'tua'; .* Did you mean \"tau\"\?"),
        (
            {"kind": "demon", "unit": "epochs"},
            r"unit must be step or epoch, got 'epochs'\. Did you mean \"epoch\"",
        ),
        ({"kind": "linear", "stop": 10}, r"\(linear\) needs to: the value at the end"),
        ({"kind": "exponential_decay", "tau": 0}, "tau must be a number > 0, got 0"),
        ({"kind": "exponential_decay", "tau": "1"}, "tau must be a number > 0, got '1'"),
        ({"kind": "exponential_decay", "tau": True}, "tau must be a number > 0, got True"),
        ({"kind": "theory_decay", "lam": 1.5}, r"lam must be a number in \(0, 1\], got 1\.5"),
        ({"kind": "linear", "to": math.nan, "stop": 4}, "to must be a number, got nan"),
        ({"kind": "linear", "to": 0.5, "start": 9, "stop": 9}, "stop must be above start, got 9 to 9"),
        ({"kind": "piecewise", "milestones": [5, 5], "values": [0, 0]}, "a list of ascending numbers"),
        ({"kind": "piecewise", "milestones": [], "values": []}, "a list of ascending numbers, got \\[\\]"),
        ({"kind": "piecewise", "milestones": [5], "values": [0, 0]}, "got 2 values for 1 milestones"),
        ({"kind": "piecewise", "milestones": [5], "values": ["a"]}, r"values\[0\] must be a number, got 'a'"),
        ({"kind": "half_life", "start": 1.0}, r"start must be a number in \(0, 1\)"),
        (
            {"kind": "cyclic", "low": 0, "period": 8, "shape": "cosin"},
            r"got 'cosin'\. Did you mean \"cosine\"\?",
        ),
        ({"kind": "warmup", "start": 0, "steps": 5, "then": "demn"}, r"then has the unknown kind 'demn'"),
        (
            {"kind": "warmup", "start": 0, "steps": 5, "then": {"kind": "demon", "unit": "epoch"}},
            "then counts in the unit of its warm-up, step, got 'epoch'",
        ),
    ],
)
def test_malformed_schedules_are_refused(schedule: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        schedules.normalise(schedule, "beta1_schedule")


@pytest.mark.parametrize(
    ("schedule", "base", "message"),
    [
        (
            {"kind": "linear", "to": 1.0, "stop": 1000},
            0.9,
            r"beta1_schedule \(linear\) gives 1\.0 at step 1000;",
        ),
        ({"kind": "linear", "to": 1.9, "stop": 1000}, 0.9, r"gives 1\.0 at step 100;"),
        (
            {"kind": "cosine", "to": -0.1, "stop": 1000, "unit": "epoch"},
            0.9,
            r"\(cosine\) gives -.* at epoch ",
        ),
        ({"kind": "piecewise", "milestones": [7, 70], "values": [0.5, 1.5]}, 0.9, r"gives 1\.5 at step 70;"),
        ({"kind": "polynomial", "c": 16}, 0.9, r"\(polynomial\) gives 1\.0 at step 11;"),
        ({"kind": "exponential_decay", "floor": 1}, 0.9, r"gives 1\.0 at step 1;"),
        ({"kind": "cyclic", "low": 1.7, "period": 20}, 0.9, r"\(cyclic\) gives 1\.06 at step 2;"),
        ({"kind": "warmup", "start": 1.1, "steps": 10}, 0.9, r"gives 1\.08 at step 1;"),
        (
            {"kind": "warmup", "start": 0, "steps": 10, "then": {"kind": "linear", "to": 1.9, "stop": 1000}},
            0.9,
            r"\(warmup\) gives 1\.0 at step 110;",
        ),
        ("constant", 1.0, r"\(constant\): the coefficient itself must be in \[0, 1\), got 1\.0"),
        ({"kind": "demon", "total": 10}, -0.1, r"the coefficient itself must be in \[0, 1\), got -0\.1"),
    ],
)
def test_check_names_the_first_bad_step(schedule: schedules.Schedule, base: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        schedules.check(schedule, base, "beta1_schedule")


def drawn(kind: str, **keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"kind": st.just(kind), **keys})


coefficients = st.floats(-0.2, 1.2)
totals = st.floats(1, 300)
straight_or_round = st.one_of(
    [drawn(kind, to=coefficients, start=st.floats(0, 100), stop=st.floats(101, 300)) for kind in ("linear", "cosine")]
)
pieces = st.dictionaries(st.floats(0, 300), coefficients, min_size=1, max_size=4).map(
    lambda items: {
        "kind": "piecewise",
        "milestones": sorted(items),
        "values": [items[milestone] for milestone in sorted(items)],
    }
)
drawn_schedules = st.one_of(
    straight_or_round,
    pieces,
    drawn("polynomial", c=st.floats(0.1, 8)),
    drawn("exponential_decay", tau=st.floats(0.1, 99), floor=st.floats(0, 1.1)),
    drawn("demon", total=totals),
    drawn("half_life", start=st.floats(0.01, 0.99), total=totals),
    drawn("cyclic", low=coefficients, period=st.integers(2, 100), shape=st.sampled_from(["triangle", "cosine"])),
    st.sampled_from(["constant", "theory_decay", "inverse_time", "nadam"]),
)
warmed_up = drawn("warmup", start=coefficients, steps=st.floats(0.5, 100), then=drawn_schedules)


@given(schedule=drawn_schedules | warmed_up, base=st.floats(0, 0.999))
def test_check_finds_what_looking_at_every_step_finds(schedule: schedules.Schedule, base: float) -> None:
    # All that these schedules do happens in the first 600 steps, but for the slow rise of a polynomial to 1.
    full = schedules.normalise(schedule)
    curve = [schedules.evaluate(full, base, t) for t in range(1, 601)]
    bad = [t for t, b in enumerate(curve, 1) if not 0 <= b < 1]
    if bad:
        with pytest.raises(InputError, match=rf"gives {curve[bad[0] - 1]!r} at step {bad[0]};"):
            schedules.check(schedule, base, "beta1_schedule")
    elif "polynomial" not in str(full):
        schedules.check(schedule, base, "beta1_schedule")
