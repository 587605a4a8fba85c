"""The verdict in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analysis import statistics
from analysis.formatting import MetricFormat, about, listing, outcome_counts, times
from search_spaces.words import plural, plurals

if TYPE_CHECKING:
    from analysis.runs import SweepRecords
    from analysis.verdict import ArmVerdict


def of_verdict(arms: tuple[ArmVerdict, ...], records: SweepRecords, level: float) -> tuple[str, ...]:
    """Each comparison first, then what limits it."""
    baseline = next(arm for arm in arms if arm.name == records.sweep.baseline)
    others = [arm for arm in arms if arm is not baseline]
    number = MetricFormat(records.score_metric)
    studies = records.sweep.search.studies
    unit = "seed" if studies == 1 else "study"
    said = [_comparison(arm, baseline, number, level, unit) for arm in others if arm.scores and baseline.scores]
    if studies > 1:
        said.append(
            f"Each arm was searched in {plural(studies, 'study')}: the best {records.sweep.metric.name} is "
            "the median of theirs, scores are means over studies, and intervals are over studies, so they hold what "
            "another search would have found."
        )
    if not others:
        said.append(f"{baseline.name} is the only arm, so there is nothing to compare.")
    comparisons = len(others) * records.workloads
    if comparisons > 1 and any(arm.difference and arm.difference.interval for arm in others):
        said.append(
            f"With {comparisons} comparisons, the interval of each difference is at the "
            f"{100 * level:.1f} % level, so that all hold together at 95 % (Bonferroni)."
        )
    said.extend(_without_scores(arm, arm is baseline) for arm in arms if not arm.scores)
    said.extend(_unscored(arm) for arm in arms if arm.scores and arm.unscored)
    if records.sweep.scheduler.type != "pbt":  # whose trials are parts of a member's run
        said.extend(_unequal_budget(arms, studies * records.sweep.search.trials))
    said.extend(_unfinished(arms))
    if records.score_note:
        said.append(records.score_note)
    return tuple(said)


def _comparison(arm: ArmVerdict, baseline: ArmVerdict, number: MetricFormat, level: float, unit: str) -> str:
    pair = f"{arm.name} and {baseline.name}"
    if arm.difference is None:
        return f"{pair} have no {unit} in common that both completed, so they cannot be compared."
    mean, interval, units = arm.difference.mean, arm.difference.interval, len(arm.difference.seeds)
    if arm.finding == "too_few_seeds":
        return (
            f"Too few {plurals(unit)} to tell ({units}); so far {arm.name} scores "
            f"{number.effect(mean, '+')} {number.unit} against {baseline.name}."
        )
    if interval is None:
        return _without_interval(arm, pair, number, unit)
    if arm.finding in ("better", "worse"):
        difference = number.difference_in_words(mean, interval)
        noise = "" if arm.effect_size is None else f", {times(abs(arm.effect_size))} the spread between {plurals(unit)}"
        return f"{arm.name} is {arm.finding} than {baseline.name}: {difference}{noise}."
    return f"No difference shown between {pair}. {_units_needed(arm.difference, number, level, unit)}"


def _without_interval(arm: ArmVerdict, pair: str, number: MetricFormat, unit: str) -> str:
    assert arm.difference is not None
    units = plural(len(arm.difference.seeds), unit)
    if arm.finding == "no_difference_shown":
        return f"No difference shown between {pair}: they score the same on each of {units}."
    ranks = [rank for rank, _ in arm.difference.differences]
    if min(ranks.count(rank) for rank in ranks) < 2:
        return f"No interval for the difference between {pair}: one configuration has a single paired seed."
    constant = f"{number.effect(arm.difference.mean, '+')} {number.unit}"
    return (
        f"No interval for the difference between {pair}: it is {constant} on each of {units}, "
        "without any spread to judge it by."
    )


def _units_needed(difference: statistics.PairedDifference, number: MetricFormat, level: float, unit: str) -> str:
    effect = number.rounded_effect(difference.mean)
    needed = statistics.seeds_needed(difference.differences, effect, level=level)
    if needed is None:
        return f"The observed difference is 0, so no number of {plurals(unit)} can be named."
    # the bootstrap's interval can be wider than the t test's, by which the need is counted
    needed = max(needed, len(difference.seeds) + 1)
    return f"{about(needed, unit)} would be needed to see {number.effect(abs(effect))} {number.unit}."


def _without_scores(arm: ArmVerdict, is_baseline: bool) -> str:
    trials, confirmations = outcome_counts(arm.trials.items()), outcome_counts(arm.confirmations.items())
    if not trials and not confirmations:
        why = "has no runs"
    elif not arm.trials["finished"] and not confirmations:
        why = f"has no finished trial ({trials})"
    elif not confirmations:
        finished = plural(arm.trials["finished"], "finished trial")
        why = f"was not confirmed: it has {finished} and no confirmation run"
    else:
        why = f"has no confirmed score (confirmation runs: {confirmations})"
    consequence = "so no arm can be compared with the baseline" if is_baseline else "so it is not compared"
    return f"{arm.name} {why}, {consequence}."


def _unscored(arm: ArmVerdict) -> str:
    several = len(arm.confirmed) > 1
    missing = listing(
        f"seed {seed}{f' of {arm.confirmed[rank - 1].trial_id}' if several else ''} ({why})"
        for (rank, seed), why in sorted(arm.unscored.items())
    )
    return f"{arm.name} has no score for {missing}: its mean and its pairs leave that out."


def _unequal_budget(arms: tuple[ArmVerdict, ...], planned: int) -> Iterator[str]:
    for arm in arms:
        # A failed trial is replaced by another and taught the search nothing.
        count = sum(arm.trials.values()) - arm.trials["failed"]
        if count and count != planned:
            yield f"{arm.name} has {count} of {planned} trials, so the arms did not get the same budget."


def _unfinished(arms: tuple[ArmVerdict, ...]) -> Iterator[str]:
    for arm in arms:
        unfinished = ("interrupted", "running")
        counts = outcome_counts((name, arm.trials[name] + arm.confirmations[name]) for name in unfinished)
        if counts:
            yield f"{arm.name} has unfinished runs ({counts}), so this verdict is preliminary."
