"""How two arms compare, in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.statistics.power import MOST_PAIRS
from analysis.verdict.formatting import MetricFormat, percent, times
from analysis.verdict.subjects import subject_of, unit_of
from search_spaces.schema.words import plural, plurals

if TYPE_CHECKING:
    from analysis.verdict.findings import ArmVerdict
    from search_spaces import Sweep


def comparison_sentence(arm: ArmVerdict, baseline: ArmVerdict, number: MetricFormat, sweep: Sweep) -> str:
    """Tell how an arm that has scores compares with the baseline."""
    unit = unit_of(sweep)
    if arm.difference is None:
        return (
            f"{arm.name} and {baseline.name} have no {unit} in common that both completed, so they cannot be compared."
        )
    mean, interval, units = arm.difference.mean, arm.difference.interval, len(arm.difference.seeds)
    if arm.relation == "too_few_seeds":
        return (
            f"Too few {plurals(unit)} to tell ({units}); so far {arm.name} scores "
            f"{number.effect(mean, '+')} {number.unit} against {baseline.name}."
        )
    if interval is None:
        return _without_interval(arm, baseline, number, sweep)
    difference = number.difference_in_words(mean, interval)
    if arm.relation in ("better", "worse"):
        noise = "" if arm.effect_size is None else f", {times(abs(arm.effect_size))} the spread between {plurals(unit)}"
        return f"{_claim(arm, baseline, sweep)}: {difference}{noise}."
    if arm.relation == "undecided":
        return (
            f"Undecided between {_both(arm, baseline, sweep)}: {difference}, which may be no difference and may be one "
            f"that matters, {_smallest(number, sweep)} or more. {_to_decide(arm, number, sweep)}"
        )
    if arm.relation == "equivalent":
        said = _equivalent(arm, baseline, number, sweep)
    else:
        said = f"No difference shown between {_both(arm, baseline, sweep)}.{_detectable(arm, number, unit)}"
    return said


def _equivalent(arm: ArmVerdict, baseline: ArmVerdict, number: MetricFormat, sweep: Sweep) -> str:
    assert arm.difference is not None
    assert arm.equivalence is not None
    within = number.difference_in_words(arm.difference.mean, arm.equivalence)
    both = _both(arm, baseline, sweep)
    if subject_of(sweep) == "configurations":
        both = f"T{both.removeprefix('t')}"
    said = (
        f"{both} are equivalent: {within} lies within "
        f"{_smallest(number, sweep)} either way, at the {percent(arm.equivalence.level)} level of two one-sided tests."
    )
    if not arm.shows_difference or arm.difference.interval is None:
        return said
    shown = number.difference(arm.difference.mean, arm.difference.interval)
    level = percent(arm.difference.interval.level)
    return f"{said} A difference is shown too ({shown} at {level}), and it is smaller than what matters here."


def _smallest(number: MetricFormat, sweep: Sweep) -> str:
    """As the sweep file says it, which is the unit in which differences are told."""
    return f"{sweep.metric.smallest_difference:.6g} {number.unit}"


def _to_decide(arm: ArmVerdict, number: MetricFormat, sweep: Sweep) -> str:
    unit, assumed = unit_of(sweep), f"if the truth is no difference or one of {_smallest(number, sweep)}"
    if arm.pairs_needed is None:
        return f"More than {MOST_PAIRS:,} {plurals(unit)} would be needed to decide that 4 times in 5, {assumed}."
    if arm.difference is not None and arm.pairs_needed <= len(arm.difference.seeds):
        return f"As many {plurals(unit)} decide it 4 times in 5, {assumed}, and this time they do not."
    return f"About {plural(arm.pairs_needed, unit)} would decide it 4 times in 5, {assumed}."


def _claim(arm: ArmVerdict, baseline: ArmVerdict, sweep: Sweep) -> str:
    if subject_of(sweep) == "arms":
        return f"{arm.name} is {arm.relation} than {baseline.name}"
    if sweep.confirm.top_k == 1:
        return f"The configuration found for {arm.name} is {arm.relation} than the one for {baseline.name}"
    return f"The configurations found for {arm.name} are {arm.relation} than those for {baseline.name}"


def _both(arm: ArmVerdict, baseline: ArmVerdict, sweep: Sweep) -> str:
    found = "" if subject_of(sweep) == "arms" else "the configurations found for "
    return f"{found}{arm.name} and {baseline.name}"


def _without_interval(arm: ArmVerdict, baseline: ArmVerdict, number: MetricFormat, sweep: Sweep) -> str:
    assert arm.difference is not None
    unit, pair = unit_of(sweep), _both(arm, baseline, sweep)
    units = plural(len(arm.difference.seeds), unit)
    if arm.relation == "no_difference_shown":
        return f"No difference shown between {pair}: they score the same on each of {units}."
    ranks = [rank for rank, _ in arm.difference.differences]
    if min(ranks.count(rank) for rank in ranks) < 2:
        return f"No interval for the difference between {pair}: one configuration has a single paired seed."
    constant = f"{number.effect(arm.difference.mean, '+')} {number.unit}"
    return (
        f"No interval for the difference between {pair}: it is {constant} on each of {units}, "
        "without any spread to judge it by."
    )


def _detectable(arm: ArmVerdict, number: MetricFormat, unit: str) -> str:
    """Not how many seeds would show the observed difference: where the interval holds 0, that may be of any size."""
    if arm.difference is None or arm.difference.detectable is None:
        return ""
    shown = f"{number.effect(arm.difference.detectable)} {number.unit}"
    return f" With {plural(len(arm.difference.seeds), unit)} a difference of about {shown} would be seen 4 times in 5."
