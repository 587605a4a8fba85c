"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from analysis.statistics.intervals import Interval
from analysis.verdict import formatting
from analysis.verdict.formatting import MetricFormat

ACCURACY, LOSS = MetricFormat("test/accuracy"), MetricFormat("test/loss")


@pytest.mark.parametrize(
    ("number", "value", "text"),
    [
        (ACCURACY, 0.97345, "97.3 %"),
        (LOSS, 0.0712345, "0.07123"),
        (LOSS, 84.2789, "84.28"),
        (LOSS, 123456.7, "123,457"),
        (LOSS, 1.5e-7, "1.5e-07"),
    ],
)
def test_value(number, value, text):
    assert number.value(value) == text


@pytest.mark.parametrize(
    ("number", "mean", "low", "high", "text"),
    [
        (ACCURACY, 0.973, 0.969, 0.976, "97.3 % [96.9, 97.6]"),
        (ACCURACY, 0.97312, 0.97301, 0.97324, "97.312 % [97.301, 97.324]"),
        (LOSS, 84.28, 83.9, 84.7, "84.3 [83.9, 84.7]"),
        (LOSS, 5000, 3000, 9000, "5000 [3000, 9000]"),
    ],
)
def test_estimate_has_the_digits_that_its_interval_bears(number, mean, low, high, text):
    assert number.estimate(mean, Interval(low, high, 0.95)) == text


@pytest.mark.parametrize(
    ("number", "mean", "low", "high", "text"),
    [
        (ACCURACY, 0.001, -0.003, 0.005, "+0.1 [-0.3, +0.5]"),
        (ACCURACY, -0.00001, -0.003, 0.003, "0.0 [-0.3, +0.3]"),
        (ACCURACY, 0.004, 0.0001, 0.008, "+0.40 [+0.01, +0.80]"),
        (ACCURACY, -0.004, -0.008, -0.0001, "-0.40 [-0.80, -0.01]"),
        (LOSS, -0.012, -0.02, -0.004, "-0.012 [-0.020, -0.004]"),
    ],
)
def test_a_bound_that_excludes_zero_never_reads_as_zero(number, mean, low, high, text):
    assert number.difference(mean, Interval(low, high, 0.95)) == text


@pytest.mark.parametrize(
    ("number", "difference", "text"),
    [
        (ACCURACY, 0.00204, "+0.2"),
        (ACCURACY, -0.0137, "-1.4"),
        (ACCURACY, 0.12, "+12"),
        (LOSS, 123.0, "+120"),
        (LOSS, 0.00999, "+0.01"),
        (LOSS, 1.234e-9, "+1.2e-09"),
        (LOSS, 0.0, "0"),
    ],
)
def test_effect_has_two_digits(number, difference, text):
    assert number.effect(difference, "+") == text


def test_steps():
    assert [formatting.steps(value) for value in (None, 410.0, 12345.5, math.inf)] == [
        "",
        "410",
        "12,346",
        "never",
    ]


def test_times():
    assert [formatting.times(ratio) for ratio in (0.0521, 0.4, 2.04, 14.3, 2345.6)] == [
        "0.052 times",
        "0.40 times",
        "2.0 times",
        "14 times",
        "2,346 times",
    ]
