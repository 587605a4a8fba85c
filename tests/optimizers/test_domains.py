"""What a hyperparameter may be, at the ends of its range and just beyond them."""

from __future__ import annotations

import math

import pytest

from optimizers import InputError
from optimizers.domains import Integer, Plain, Real


@pytest.mark.parametrize("value", [2, 3.0, 5])
def test_both_ends_belong_to_a_range_of_whole_numbers(value: float) -> None:
    assert Integer(2, 5).check(value, "order") == value


@pytest.mark.parametrize("value", [1, 6, 2.5, math.nan, math.inf])
def test_what_is_beyond_a_range_of_whole_numbers_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="order"):
        Integer(2, 5).check(value, "order")


@pytest.mark.parametrize(("domain", "ends"), [(Real(0, 1), [0.0, 1.0]), (Real(0, 1, exclude_max=True), [0.0])])
def test_an_end_of_an_interval_belongs_to_it_unless_it_is_left_out(domain: Real, ends: list[float]) -> None:
    for value in (0.0, 1.0):
        if value in ends:
            assert domain.check(value, "beta1") == value
        else:
            with pytest.raises(InputError, match="beta1"):
                domain.check(value, "beta1")
    for value in (math.nextafter(0.0, -1), math.nextafter(1.0, 2)):
        with pytest.raises(InputError, match="beta1"):
            domain.check(value, "beta1")


@pytest.mark.parametrize(
    ("like", "value", "checked"),
    [
        (0.1, 1, 1.0),
        (0.1, "off", None),
        (5, 2.5, 2.5),
        (False, 3, 3),
        (None, "off", None),
        (None, [1, {"a": "b"}], [1, {"a": "b"}]),
        ((1, 2), [3, 4], (3, 4)),
        ("none", "off", "off"),
        (1.0, math.inf, math.inf),
    ],
)
def test_anything_plain_is_taken_in_the_form_of_the_default(like: object, value: object, checked: object) -> None:
    result = Plain(like).check(value, "x")
    assert result == checked
    assert type(result) is type(checked)


@pytest.mark.parametrize(
    ("like", "value"), [(0.1, "fast"), (True, "false"), (None, math.nan), (None, {1: 2}), (None, [object()])]
)
def test_what_is_not_plain_is_refused(like: object, value: object) -> None:
    with pytest.raises(InputError, match="x must be"):
        Plain(like).check(value, "x")
