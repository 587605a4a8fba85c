"""What a hyperparameter may be, at the ends of its range and just beyond them."""

from __future__ import annotations

import math

import pytest

from optimizers import InputError
from optimizers.domains import Integer, Real


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
